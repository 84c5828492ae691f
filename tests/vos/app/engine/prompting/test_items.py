"""Items are checked, and become prompts."""

import numpy as np

from vos.app.engine.prompting.items import (
    checked_item,
    drawing_of,
    polygon_pixels,
    stroke_pixels,
)
from vos.interactive.prompts import Box, Click

SIZE = (40, 60)


def test_what_an_item_does_not_need_is_dropped_and_defaults_are_filled_in():
    item = {"type": "click", "x": 3.0, "y": 4, "extra": 1}
    assert checked_item(item, SIZE) == {"type": "click", "x": 3, "y": 4, "positive": True}
    box = {"type": "box", "left": -5, "top": 2, "right": 99, "bottom": 9}
    assert checked_item(box, SIZE) == {
        "type": "box", "left": 0, "top": 2, "right": 60, "bottom": 9,
    }  # fmt: skip


def test_strokes_have_round_ends_and_their_width():
    pixels = stroke_pixels({"points": [[20, 20], [40, 20]], "radius": 5}, SIZE)
    assert pixels[20, 15:46].all()
    assert not pixels[20, 13]
    assert pixels[15:26, 30].all()
    assert not pixels[13, 30]
    assert not pixels[16, 16]  # the corner of a square end


def test_a_stroke_of_one_point_is_a_disc_and_may_go_beyond_the_frame():
    pixels = stroke_pixels({"points": [[0, 0]], "radius": 3.5}, SIZE)
    rows, columns = np.indices(SIZE)
    distances = np.hypot(rows, columns)
    assert pixels[distances <= 2.5].all()
    assert not pixels[distances > 4.5].any()


def test_polygons_are_filled():
    pixels = polygon_pixels({"points": [[10, 10], [20, 10], [20, 20], [10, 20]]}, SIZE)
    assert pixels[10:21, 10:21].all()
    assert pixels.sum() == 121


def test_paint_lies_over_the_mask_in_its_order_and_a_mask_replaces_all():
    given = np.zeros(SIZE, np.uint8)
    given[:5] = 1
    whole = {"type": "polygon", "points": [[0, 0], [59, 0], [59, 39], [0, 39]], "positive": True}
    hole = {"type": "polygon", "points": [[9, 9], [12, 9], [12, 12], [9, 12]], "positive": False}
    drawing = drawing_of([whole, hole], None, SIZE, lambda _: given)
    assert drawing.prompts == ()
    assert drawing.base is None
    assert drawing.with_paint(np.zeros(SIZE, bool)).sum() == 40 * 60 - 16
    click = {"type": "click", "x": 1, "y": 1, "positive": True}
    box = {"type": "box", "left": 0, "top": 0, "right": 9, "bottom": 9}
    stroke = {"type": "stroke", "points": [[5, 5]], "radius": 2, "positive": False}
    items = [whole, {"type": "mask", "mask": "d"}, click, box, stroke]
    drawing = drawing_of(items, None, SIZE, lambda _: given)
    assert np.array_equal(drawing.base, given > 0)
    assert [type(prompt) for prompt in drawing.prompts] == [Click, Box]
    painted = drawing.with_paint(given > 0)
    expected = (given > 0) & ~stroke_pixels(stroke, SIZE)
    expected[1, 1] = True
    assert np.array_equal(painted, expected)
