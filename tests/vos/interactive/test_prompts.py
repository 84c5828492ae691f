import numpy as np
import pytest

from vos.errors import InputError
from vos.interactive.prompts import Box, Click, Stroke, box_pixels, drawn_pixels


def test_a_later_prompt_overrules_an_earlier_one():
    brush = np.zeros((6, 8), bool)
    brush[2, 1:5] = True
    drawn = drawn_pixels([Click(2, 2, positive=False), Stroke(brush), Click(4, 2, False)], 6, 8)
    assert drawn.dtype == np.int8
    assert drawn[2].tolist() == [0, 1, 1, 1, -1, 0, 0, 0]
    assert not np.delete(drawn, 2, axis=0).any()


def test_the_last_box_holds_and_is_cut_at_the_frame():
    inside = box_pixels([Box(0, 0, 2, 2), Box(-3, 4, 2, 9)], 6, 8)
    assert inside.sum() == 4 and inside[4:, :2].all()
    assert box_pixels([Click(1, 1)], 6, 8) is None


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (Click(8, 0), "x from 0 to 7"),
        (Click(0, -1), "y -1"),
        (Stroke(np.zeros((8, 6), bool)), r"\(6, 8\)"),
        (Stroke(np.zeros((6, 8), np.uint8)), "uint8"),
    ],
)
def test_what_does_not_fit_the_frame_is_refused(prompt, text):
    with pytest.raises(InputError, match=text):
        drawn_pixels([prompt], 6, 8)


@pytest.mark.parametrize("box", [Box(3, 0, 3, 5), Box(9, 0, 12, 5), Box(0, 4, 5, 2)])
def test_a_box_without_a_pixel_is_refused(box):
    with pytest.raises(InputError, match="left < right"):
        box_pixels([box], 6, 8)
