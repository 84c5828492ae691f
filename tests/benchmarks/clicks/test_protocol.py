import numpy as np
import pytest

from benchmarks.clicks.protocol import ClickScores, click_until, next_click, overlap
from vos.interactive.prompts import Click


def rectangle(top, left, bottom, right):
    mask = np.zeros((40, 60), bool)
    mask[top:bottom, left:right] = True
    return mask


EMPTY, ALL = np.zeros((40, 60), bool), np.ones((40, 60), bool)


def test_the_first_click_is_at_the_objects_centre():
    assert next_click(rectangle(10, 20, 21, 31), EMPTY, ALL) == Click(25, 15, positive=True)


def test_the_larger_false_region_is_clicked():
    truth = rectangle(5, 5, 12, 12)
    surplus = rectangle(20, 20, 35, 35)
    assert next_click(truth, surplus, ALL) == Click(27, 27, positive=False)
    assert next_click(surplus, truth, ALL) == Click(27, 27, positive=True)


def test_the_frames_edge_is_a_border():
    click = next_click(rectangle(0, 0, 9, 60), EMPTY, ALL)
    assert click.y == 4


def test_a_place_is_not_clicked_twice():
    truth = rectangle(10, 20, 21, 31)
    allowed = ALL.copy()
    allowed[15, 25] = False
    second = next_click(truth, EMPTY, allowed)
    assert second != Click(25, 15) and truth[second.y, second.x]
    assert next_click(truth, truth, ALL) is None
    assert next_click(truth, EMPTY, ~truth) is None


def test_clicks_are_counted_to_each_mark():
    scores = ClickScores((0.5, 0.86, 0.84, 0.9), 1.0)
    assert (scores.clicks_to(0.85, 20), scores.clicks_to(0.9, 20)) == (2, 4)
    assert ClickScores((0.5,) * 20, 1.0).clicks_to(0.85, 20) == 20


def test_clicks_end_at_the_last_mark_or_at_the_most():
    truth = rectangle(10, 20, 21, 31)
    asked = []

    def segment(clicks):
        asked.append(len(clicks))
        return truth if len(clicks) == 3 else EMPTY

    scores = click_until(segment, truth, ALL, 20)
    assert asked == [1, 2, 3] and scores.overlaps == (0.0, 0.0, 1.0)
    assert click_until(lambda _: EMPTY, truth, ALL, 4).overlaps == (0.0,) * 4


def test_void_is_neither_clicked_nor_counted():
    truth, void = rectangle(10, 20, 20, 30), rectangle(0, 0, 40, 15)
    assert overlap(truth, truth | void, ~void) == 1
    assert overlap(truth, truth | void, ALL) == pytest.approx(100 / 700)
    assert click_until(lambda _: truth | void, truth, ~void, 20).overlaps == (1.0,)
    assert overlap(EMPTY, EMPTY, ALL) == 1
