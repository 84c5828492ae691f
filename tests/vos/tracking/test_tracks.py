"""Points through frames at hand, in both directions."""

import numpy as np
import pytest

from tests.data.moving_texture import CONFIG, FRAMES, PATCH, POINTS, Filters, moving, queries, truth
from vos.errors import InputError
from vos.tracking.point_tracker import PointTracker
from vos.tracking.tracks import track_points


@pytest.fixture(scope="module")
def tracker():
    return PointTracker(Filters(), CONFIG)


def test_points_of_a_later_frame_go_both_ways(tracker):
    tracks = track_points(tracker, moving(), queries(6))
    error = np.linalg.norm(tracks.xy - truth(first=6), axis=-1)
    assert np.array_equal(tracks.xy[:, 6], POINTS)
    assert error.max() < PATCH
    forward = track_points(tracker, moving(), queries(6), backward=False)
    assert np.isnan(forward.xy[:, :6]).all()
    assert not forward.visible[:, :6].any()
    assert np.array_equal(forward.xy[:, 6:], tracks.xy[:, 6:])


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


def test_no_queries_give_no_tracks(tracker):
    assert track_points(tracker, moving(), np.zeros((0, 3))).xy.shape == (0, FRAMES, 2)


def test_progress_counts_both_directions(tracker):
    seen = []
    track_points(tracker, moving(), queries(6), on_frame=lambda *counts: seen.append(counts))
    assert seen == [(number, 11) for number in range(1, 12)]
