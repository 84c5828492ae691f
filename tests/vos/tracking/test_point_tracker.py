"""Following points: independence, queries on any frame, visibility, bounded memory, states."""

from dataclasses import replace

import numpy as np
import pytest

from tests.data.moving_texture import (
    CONFIG,
    FRAMES,
    PATCH,
    POINTS,
    Filters,
    moving,
    queries,
    texture,
    truth,
)
from vos.errors import InputError
from vos.propagation.config import PointConfig
from vos.tracking.point_tracker import PointTracker
from vos.tracking.tracks import track_points


@pytest.fixture(scope="module")
def backbone():
    return Filters()


@pytest.fixture
def tracker(backbone):
    return PointTracker(backbone, CONFIG)


def test_points_follow_a_moving_texture(tracker):
    tracks = track_points(tracker, moving(), queries())
    error = np.linalg.norm(tracks.xy - truth(), axis=-1)
    assert np.array_equal(tracks.xy[:, 0], POINTS)
    assert error.max() < PATCH
    assert error.mean() < PATCH / 2
    assert tracks.visible.all()
    assert ((tracks.confidence > 0) & (tracks.confidence <= 1)).all()


def test_a_still_picture_keeps_its_points(tracker):
    frames = moving(speed=(0, 0))
    tracks = track_points(tracker, frames, queries())
    assert np.abs(tracks.xy - POINTS[:, None]).max() < 1
    assert tracks.visible.all()


def test_a_point_s_track_does_not_depend_on_the_others(backbone):
    rows = np.vstack([queries(), queries(4), [[7, 20, 20]]])
    together = track_points(PointTracker(backbone, CONFIG), moving(), rows)
    order = np.random.default_rng(0).permutation(len(rows))
    shuffled = track_points(PointTracker(backbone, CONFIG), moving(), rows[order])
    assert np.array_equal(shuffled.xy, together.xy[order], equal_nan=True)
    for number in (0, 4, 6):
        alone = track_points(PointTracker(backbone, CONFIG), moving(), rows[number : number + 1])
        assert np.array_equal(alone.xy[0], together.xy[number], equal_nan=True)
        assert np.array_equal(alone.visible[0], together.visible[number])
        assert np.array_equal(alone.confidence[0], together.confidence[number])


def test_a_covered_point_is_not_visible(backbone):
    frames = moving(speed=(0, 0))
    for number in (4, 5, 6):
        frames[number][20:60, 10:50] = texture(seed=9)[20:60, 10:50]
    tracks = track_points(PointTracker(backbone, CONFIG), frames, queries())
    assert tracks.visible[0].tolist() == [number not in (4, 5, 6) for number in range(FRAMES)]
    assert tracks.visible[1:].all()
    anywhere = replace(PointConfig(), round_trip=0)
    tracks = track_points(PointTracker(backbone, CONFIG, anywhere), frames, queries())
    assert tracks.visible.all()


def test_lost_labels_leave_a_point_where_it_was_or_without_a_position(backbone):
    frames = [*moving(speed=(0, 0), count=1), *moving(speed=(0, 0), count=1, seed=5)]
    config = replace(CONFIG, neighborhood_radius=1, topk=1, keep_ties=False)
    y, x = np.mgrid[12:90:16, 12:120:16]
    rows = np.column_stack([np.zeros(x.size), x.ravel(), y.ravel()])
    for when_empty in ("last", "missing"):
        points = PointConfig(labels="cell", when_empty=when_empty)
        tracks = track_points(PointTracker(backbone, config, points), frames, rows)
        lost = tracks.confidence[:, 1] == 0
        assert 0 < lost.sum() < len(rows)
        assert not tracks.visible[lost, 1].any()
        assert np.isfinite(tracks.xy[~lost, 1]).all()
        if when_empty == "last":
            assert np.array_equal(tracks.xy[lost, 1], rows[lost, 1:])
        else:
            assert np.isnan(tracks.xy[lost, 1]).all()


def test_frames_before_the_first_point_cost_nothing(backbone):
    class Counts(PointTracker):
        computed = 0

        def features(self, frames):
            self.computed += len(frames)
            return super().features(frames)

    tracker = Counts(backbone, CONFIG)
    frames = moving()
    assert tracker.step(frames[0]).xy.shape == (0, 2)
    assert (tracker.computed, tracker.count) == (0, 0)
    tracker.step(frames[1], POINTS)
    assert tracker.step(frames[2], POINTS[:1]).xy.shape == (4, 2)
    assert (tracker.computed, tracker.count) == (2, 4)
    tracker.reset()
    assert tracker.count == 0


def test_memory_does_not_grow_with_the_video(tracker):
    kept = []
    for number, frame in enumerate(moving(count=12)):
        tracker.step(frame, POINTS if number in (0, 3) else None)
        kept.append([len(group.engine._memory) for group in tracker._groups])
    assert kept[-1] == [4, 4]
    last = [{id(f.features) for f in list(g.engine._memory)[1:]} for g in tracker._groups]
    assert last[0] == last[1]  # frames are laid out once for all groups


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((2, 3)), "a row of x and y"),
        (np.array([[1.0, np.nan]]), "no finite number"),
    ],
)
def test_points_that_are_none_are_refused(tracker, points, message):
    with pytest.raises(InputError, match=message):
        tracker.step(moving()[0], points)


def test_frames_of_two_sizes_are_refused(tracker):
    tracker.step(moving()[0], POINTS)
    with pytest.raises(InputError, match="all frames of a video have one size"):
        tracker.step(moving()[0][:-1])


@pytest.mark.parametrize("at", [2, 5])
def test_a_restored_tracker_goes_on_alike(backbone, at):
    frames = moving()
    given = {0: POINTS, 3: POINTS[:1]}
    whole, again = PointTracker(backbone, CONFIG), PointTracker(backbone, CONFIG)
    for number, frame in enumerate(frames):
        want = whole.step(frame, given.get(number))
        if number == at:
            state = whole.state()
            again.restore(state, {n: frames[n] for n in state.frames})
        elif number > at:
            found = again.step(frame, given.get(number))
            assert np.array_equal(found.xy, want.xy)
            assert np.array_equal(found.visible, want.visible)
            assert np.array_equal(found.confidence, want.confidence)
    with pytest.raises(InputError, match="needs frames"):
        again.restore(state, {})
