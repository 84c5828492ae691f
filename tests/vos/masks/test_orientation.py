"""Inverted and turned masks."""

import warnings

import numpy as np
import pytest

from vos.errors import InputError
from vos.masks.ids import fit_mask
from vos.masks.orientation import put_right
from vos.masks.values import LoadedMask

IDS = np.zeros((40, 60), np.uint8)
IDS[5:20, 10:50] = 3


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_masks_are_turned_back_clockwise(turn):
    turned = LoadedMask(np.rot90(IDS, turn // 90), "gray")
    assert np.array_equal(put_right(turned, "m", turn=turn).ids, IDS)


def test_inversion_swaps_object_and_background():
    inverted = LoadedMask(np.where(IDS == 0, np.uint8(3), 0), "gray")
    assert np.array_equal(put_right(inverted, "m", invert=True).ids, IDS)
    two = IDS.copy()
    two[30:, :9] = 1
    with pytest.raises(InputError, match="2 objects"):
        put_right(LoadedMask(two, "gray"), "m", invert=True)
    with pytest.raises(InputError, match="no background"):
        put_right(LoadedMask(np.ones((4, 4), np.uint8), "gray"), "m", invert=True)


@pytest.mark.parametrize("case", ["inverted", "full", "most", "ring"])
def test_masks_that_look_inverted_are_told(case):
    ids = np.ones((40, 60), np.uint8)
    if case == "inverted":
        ids[IDS > 0] = 0
    elif case == "most":
        ids[:12] = 0
    elif case == "ring":
        ids[1:-1, 1:-1] = 0
    with pytest.warns(UserWarning, match=r"object 1 covers \d+% of the frame.*--invert-mask"):
        put_right(LoadedMask(ids, "gray"), "m")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        put_right(LoadedMask(IDS, "gray"), "m")


def test_another_aspect_is_refused_and_a_turned_mask_named():
    for resize in (False, True):
        with pytest.raises(InputError, match=r"60x40 pixels.*turned.*--rotate-mask"):
            fit_mask(IDS, 60, 40, resize=resize)
        with pytest.raises(InputError, match=r"60x40 pixels.*another aspect"):
            fit_mask(IDS, 60, 60, resize=resize)
    assert fit_mask(IDS, 81, 120, resize=True).shape == (81, 120)
