import numpy as np
import pytest

from benchmarks.points.tap_vid_protocol import TapVidProtocol
from tests.data.point_sets import make_tap_vid
from vos.datasets.points.tap_vid import open_tap_vid
from vos.tracking.tracks import Tracks


@pytest.fixture(params=["first", "strided"])
def protocol(request, tmp_path):
    path = make_tap_vid(tmp_path / "tapvid_davis.pkl", ("board",), frames=8)
    return TapVidProtocol(open_tap_vid(path), request.param)


def test_the_truth_scores_100_and_a_shuffled_one_near_0(protocol):
    (video,) = protocol.dataset.videos
    xy, visible = protocol.truth(video)
    right = {"board": Tracks(xy, visible, np.ones(visible.shape))}
    assert set(protocol.score(right).overall.values()) == {100.0}
    wrong = {"board": Tracks(xy[::-1] + 40, ~visible, np.ones(visible.shape))}
    overall = protocol.score(wrong).overall
    assert max(overall["AJ"], overall["OA"]) < 5


def test_queries_and_frames(protocol):
    (video,) = protocol.dataset.videos
    queries = protocol.queries(video)
    truth, visible = protocol.truth(video)
    rows, frames = np.arange(len(queries)), queries[:, 0].astype(int)
    np.testing.assert_array_equal(queries[:, 1:], truth[rows, frames])
    assert visible[rows, frames].all()
    assert protocol.frames(video)[0].shape == (256, 256, 3)
    assert protocol.work(video) == (8 if protocol.mode == "first" else 8 + 6)
