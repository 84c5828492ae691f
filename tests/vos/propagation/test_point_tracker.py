"""Following points: independence, queries on any frame, both directions, visibility."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from tests.data.scenes import PATCH
from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError
from vos.propagation.config import PointConfig, PropagationConfig
from vos.propagation.point_tracker import PointTracker, track_points

HEIGHT, WIDTH, FRAMES = 96, 128, 10
CONFIG = PropagationConfig(short_side=0, neighborhood_radius=3, n_last_frames=3)
POINTS = np.array([[30.0, 40.0], [60.0, 30.0], [77.0, 61.0]])


class Filters(Backbone):
    """Features that tell a patch from the one beside it: random filters over wide patches."""

    def __init__(self):
        torch.manual_seed(0)
        network = nn.Conv2d(3, 64, 3 * PATCH, PATCH, padding=PATCH, padding_mode="reflect")
        record = WeightsRecord("filters", "test", None, "none")
        mean, std = (0.5,) * 3, (0.2,) * 3
        super().__init__(network, stride=PATCH, dim=64, mean=mean, std=std, record=record)

    def block_features(self, images, numbers):
        return [(self.network(images), None)]


@pytest.fixture(scope="module")
def backbone():
    return Filters()


def texture(seed=0):
    """A smooth field of colours, larger than a frame."""
    values = np.random.default_rng(seed).integers(0, 256, (14, 18, 3), np.uint8)
    return cv2.resize(values, (WIDTH + 80, HEIGHT + 60), interpolation=cv2.INTER_CUBIC)


def moving(speed=(2, 1), count=FRAMES, seed=0):
    """A window that slides over a texture: what is in it moves by -speed each frame."""
    ground = texture(seed)
    return [
        ground[20 + speed[1] * t :, 20 + speed[0] * t :][:HEIGHT, :WIDTH].copy()
        for t in range(count)
    ]


def truth(speed=(2, 1), count=FRAMES, first=0):
    """(N, T, 2): where the points given for a frame are in each."""
    times = np.arange(count) - first
    return POINTS[:, None] - times[None, :, None] * np.array(speed)


def queries(frame=0):
    return np.column_stack([np.full(len(POINTS), frame), POINTS])


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


def test_points_of_a_later_frame_go_both_ways(tracker):
    tracks = track_points(tracker, moving(), queries(6))
    error = np.linalg.norm(tracks.xy - truth(first=6), axis=-1)
    assert np.array_equal(tracks.xy[:, 6], POINTS)
    assert error.max() < PATCH
    forward = track_points(tracker, moving(), queries(6), backward=False)
    assert np.isnan(forward.xy[:, :6]).all()
    assert not forward.visible[:, :6].any()
    assert np.array_equal(forward.xy[:, 6:], tracks.xy[:, 6:])


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
    last = [{id(f.features) for f in group.engine._memory.last()} for group in tracker._groups]
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


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0, 1]], "a row of frame, x and y"),
        ([[10, 1, 1]], r"frames 10; expected whole numbers from 0 to 9"),
        ([[-1, 1, 1], [0.5, 1, 1]], r"frames -1, 0.5;"),
    ],
)
def test_queries_that_do_not_fit_are_refused(tracker, rows, message):
    with pytest.raises(InputError, match=message):
        track_points(tracker, moving(), np.array(rows, float))


def test_frames_of_two_sizes_are_refused(tracker):
    tracker.step(moving()[0], POINTS)
    with pytest.raises(InputError, match="all frames of a video have one size"):
        tracker.step(moving()[0][:-1])


def test_no_queries_give_no_tracks(tracker):
    assert track_points(tracker, moving(), np.zeros((0, 3))).xy.shape == (0, FRAMES, 2)
