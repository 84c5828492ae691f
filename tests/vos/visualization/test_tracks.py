"""Points and tails over frames."""

import numpy as np

from vos.visualization.tracks import draw_tracks, point_color

FRAME = np.full((240, 320, 3), 90, np.uint8)


def test_discs_are_where_points_are_visible_and_rings_where_not():
    xy = np.array([[50.0, 60.0], [200.0, 60.0], [np.nan, np.nan]])
    drawn = draw_tracks(FRAME, xy, np.array([True, False, False]))
    assert tuple(drawn[60, 50]) == point_color(0)
    assert tuple(drawn[60, 200]) == (90, 90, 90)  # a ring is empty inside
    assert (drawn[55:66, 195:206] != 90).any()
    changed = (drawn != FRAME).any(-1)
    changed[50:71, 40:61] = changed[50:71, 190:211] = False
    assert not changed.any()
    assert (FRAME == 90).all()


def test_tails_lead_to_the_points_and_break_where_there_was_none():
    steps = [np.array([[x, 100.0]]) for x in (20.0, 60.0, np.nan, 140.0)]
    drawn = draw_tracks(FRAME, np.array([[180.0, 100.0]]), np.array([True]), steps)
    row = (drawn[100] != 90).any(-1)
    assert row[25:55].all()
    assert not row[70:130].any()
    assert row[145:180].all()
    assert drawn[100, 30].max() < drawn[100, 160].max()  # the older, the darker
    lost = draw_tracks(FRAME, np.array([[180.0, 100.0]]), np.array([False]), steps)
    assert (lost[100, 145:170] == 90).all()


def test_names_are_written_beside_points_and_far_points_draw_nothing():
    xy = np.array([[50.0, 60.0], [1e9, -1e9]])
    plain = draw_tracks(FRAME, xy, np.array([True, True]))
    named = draw_tracks(FRAME, xy, np.array([True, True]), names=["nose", "far"])
    assert (plain != named).any(-1).sum() > 50


def test_colours_differ():
    colors = {point_color(number) for number in range(50)}
    assert len(colors) == 50
    assert all(max(color) == 255 for color in colors)
