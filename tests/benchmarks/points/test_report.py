import numpy as np
import pytest

from benchmarks.points.jhmdb_protocol import JhmdbProtocol
from benchmarks.points.report import video_pictures
from benchmarks.points.tap_vid_protocol import TapVidProtocol
from tests.data.point_sets import make_jhmdb, make_tap_vid
from vos.datasets.points.jhmdb import open_jhmdb
from vos.datasets.points.tap_vid import open_tap_vid
from vos.tracking.tracks import Tracks


@pytest.fixture(params=["joints", "tracks"])
def protocol(request, tmp_path):
    if request.param == "joints":
        return JhmdbProtocol(open_jhmdb(make_jhmdb(tmp_path / "JHMDB", frames=5)))
    return TapVidProtocol(open_tap_vid(make_tap_vid(tmp_path / "a.pkl", frames=5)), "first")


def test_pictures_show_tracks_and_truth_over_later_frames(protocol):
    video = protocol.dataset.videos[0]
    true, visible = protocol.truth(video)
    tracks = Tracks(true + 30, visible, np.ones(visible.shape))
    plain = Tracks(np.full_like(true, np.nan), visible, np.ones(visible.shape))
    pictures = video_pictures(protocol, video, tracks)
    assert [t for t, _ in pictures] == [1, 3, 4]
    width, height = protocol.frame_size(video)
    assert pictures[0][1].shape == (round(640 * height / width), 640, 3)
    unknown = protocol.truth
    protocol.truth = lambda video: (
        unknown(video)[0],
        visible & (np.arange(len(true)) > 0)[:, None],
    )
    (_, without), *_ = video_pictures(protocol, video, tracks)
    assert (without != pictures[0][1]).any()  # the first point is annotated nowhere
    protocol.truth = unknown
    for (_, drawn), (_, other) in zip(
        pictures, video_pictures(protocol, video, plain), strict=True
    ):
        assert (drawn != other).any()
