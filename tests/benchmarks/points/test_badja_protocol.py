import numpy as np
import pytest

from benchmarks.points.badja_protocol import BadjaProtocol, scored_areas
from tests.data.point_sets import make_badja
from vos.datasets.points.badja import open_badja
from vos.tracking.tracks import Tracks


@pytest.fixture
def protocol(tmp_path):
    root = make_badja(tmp_path / "BADJA", ("bear",), frames=4)
    return BadjaProtocol(open_badja(root, sequences=("bear",)))


def tracks(protocol, order=slice(None)):
    (video,) = protocol.dataset.videos
    xy = protocol.truth(video)[0][order]
    return {"bear": Tracks(xy, np.ones(xy.shape[:2], bool), np.ones(xy.shape[:2]))}


def test_the_truth_scores_100_and_a_shuffled_one_near_0(protocol):
    assert protocol.score(tracks(protocol)).overall == {"PCK-T": 100, "PCK-T@0.1": 100}
    shuffled = protocol.score(tracks(protocol, np.roll(np.arange(20), 7)))
    assert shuffled.overall["PCK-T"] < 20


def test_areas_are_of_annotated_frames(protocol):
    (video,) = protocol.dataset.videos
    areas = scored_areas(video)
    assert (areas > 0).tolist() == [True, False, False, True]
    assert areas[0] == pytest.approx(120 * 96 * (512 * 320) / (320 * 240), rel=0.01)


def test_queries_on_a_cells_border_stay_on_its_side(protocol):
    (video,) = protocol.dataset.videos
    given = protocol.queries(video)[:, 1:]
    assert (given > video.positions[0]).all() and (given < video.positions[0] + 1e-4).all()
