import numpy as np
import pytest

from benchmarks.points.jhmdb_protocol import JhmdbProtocol
from tests.data.point_sets import make_jhmdb
from vos.datasets.points.jhmdb import open_jhmdb
from vos.tracking.tracks import Tracks


@pytest.fixture
def protocol(tmp_path):
    return JhmdbProtocol(open_jhmdb(make_jhmdb(tmp_path / "JHMDB", frames=3)))


def tracks(protocol, order=None):
    """Return the truth as tracks, joints in another order if one is given."""
    made = {}
    for video in protocol.dataset.videos:
        xy = protocol.truth(video)[0][slice(None) if order is None else order]
        made[video.name] = Tracks(xy, np.ones(xy.shape[:2], bool), np.ones(xy.shape[:2]))
    return made


def test_the_truth_scores_100_and_a_shuffled_one_near_0(protocol):
    right = protocol.score(tracks(protocol))
    assert set(right.overall.values()) == {100.0}
    assert set(right.details["variants"]) >= {"label-propagation", "tap-net"}
    shuffled = protocol.score(tracks(protocol, np.roll(np.arange(15), 4)))
    assert shuffled.overall["PCK@0.1"] < 10


def test_all_joints_of_the_first_frame_are_followed(protocol):
    video = protocol.dataset.videos[0]
    queries = protocol.queries(video)
    assert queries.shape == (15, 3) and not queries[:, 0].any()
    np.testing.assert_array_equal(queries[:, 1:], video.positions[0])
    assert protocol.work(video) == 3


def test_a_joint_whose_labels_are_lost_does_not_count(protocol):
    given = tracks(protocol)
    for track in given.values():
        track.confidence[3, 1:] = 0
        track.xy[3] += 500
    scores = protocol.score(given)
    assert scores.overall["PCK@0.1"] == 100
    lost = protocol.dataset.point_names[3]
    assert scores.details["joints"][lost]["scored"] == 0
