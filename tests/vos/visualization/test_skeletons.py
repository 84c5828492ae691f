import numpy as np
import pytest

from vos.visualization.skeletons import draw_joints, draw_truth
from vos.visualization.tracks import point_color

FRAME = np.full((240, 320, 3), 90, np.uint8)
PLACES = np.array([(40.0, 100.0), (140.0, 100.0)])
SEEN = np.array([True, True])
NAN = (np.nan, np.nan)


def changed(picture):
    return (picture != FRAME).any(-1)


def test_joints_are_joined():
    joined = draw_joints(FRAME, PLACES, SEEN, ((0, 1),))
    line = joined[100, 90].astype(int)  # its edges are smooth
    assert np.abs(line - point_color(1)).max() < 70 and np.ptp(line) > 100
    assert not changed(draw_joints(FRAME, PLACES, SEEN, ()))[100, 90]
    assert (FRAME == 90).all()


def test_lost_joints_and_those_far_out_are_left_out():
    places = np.array([(40.0, 100.0), NAN, (1e9, 3.0)])
    picture = draw_joints(FRAME, places, np.array([True] * 3), ((0, 1), (0, 2)))
    ys, xs = changed(picture)[:, :200].nonzero()
    assert abs(xs.mean() - 40) < 0.5 and abs(ys.mean() - 100) < 0.5


def test_the_truth_is_a_ring_with_a_line_to_the_joint():
    truth = np.array([(40.0, 160.0), NAN])
    beside = draw_truth(FRAME, PLACES, truth)
    assert beside[130, 40].min() > 230
    assert changed(beside)[160, 45] and not changed(beside)[100, 140]
    with pytest.raises(ValueError, match=r"expected \(N, 2\) twice"):
        draw_truth(FRAME, PLACES, truth[:1])
