import numpy as np
import pytest

from vos.visualization.skeletons import draw_points, draw_trails, point_colors

FRAME = np.full((240, 320, 3), 90, np.uint8)
NAN = (np.nan, np.nan)


def changed(picture):
    return (picture != FRAME).any(-1)


def test_points_lie_at_their_positions_and_lost_ones_are_left_out():
    picture = draw_points(FRAME, np.array([(40.0, 100.0), NAN, (1e9, 3.0)]))
    ys, xs = changed(picture).nonzero()
    assert abs(xs.mean() - 40) < 0.5 and abs(ys.mean() - 100) < 0.5
    assert tuple(picture[100, 40]) == point_colors(3)[0]
    assert (FRAME == 90).all()


def test_hidden_points_are_rings():
    places = np.array([(40.0, 100.0)])
    picture = draw_points(FRAME, places, visible=np.array([False]))
    assert changed(picture).any() and not changed(picture)[100, 40]


def test_skeleton_and_truth():
    places = np.array([(40.0, 100.0), (140.0, 100.0)])
    joined = draw_points(FRAME, places, skeleton=((0, 1),))
    line = joined[100, 90].astype(int)  # its edges are smooth
    assert np.abs(line - point_colors(2)[1]).max() < 20
    assert not changed(draw_points(FRAME, places))[100, 90]
    truth = np.array([(40.0, 160.0), NAN])
    beside = draw_points(FRAME, places, truth=truth)
    assert tuple(beside[130, 40]) == (255, 255, 255)
    assert not changed(beside)[100, 90]
    with pytest.raises(ValueError, match="expected positions and truth"):
        draw_points(FRAME, places, truth=truth[:1])


def test_trails_are_drawn_where_points_are_visible():
    tracks = np.array([[(20.0, 50.0)], [(80.0, 50.0)], [(140.0, 50.0)]])
    visible = np.array([[False], [True], [True]])
    picture = changed(draw_trails(FRAME, tracks, visible))
    assert picture[50, 110] and not picture[50, 50]


def test_colors_are_unlike():
    assert point_colors(0) == []
    assert len(set(point_colors(40))) == 40
