"""Transparent is background, in layers and in palettes."""

import cv2
import numpy as np
import pytest

from tests.data.mask_files import (
    BLACK,
    BLUE,
    RED,
    WHITE,
    indexed,
    photograph,
    same_regions,
    written,
)
from vos.errors import InputError
from vos.masks.ids import object_ids
from vos.masks.io import read_mask


@pytest.mark.parametrize("snap", [False, True])
def test_the_opaque_part_of_a_cut_out_is_the_object(tmp_path, snap):
    inside = np.zeros((120, 160), np.uint8)
    cv2.circle(inside, (80, 60), 30, 255, -1)
    rgba = np.dstack([photograph(), cv2.GaussianBlur(inside, (0, 0), 1)])
    with pytest.warns(UserWarning, match="cut-out"):
        loaded = read_mask(written(tmp_path, rgba), snap=snap)
    assert np.array_equal(loaded.ids, rgba[..., 3] >= 128)


def test_black_on_clear_is_an_object(tmp_path, two):
    rgba = np.zeros((*two.shape, 4), np.uint8)
    rgba[..., 3] = (two > 0) * 255
    assert np.array_equal(read_mask(written(tmp_path, rgba)).ids, two > 0)


def test_layers_with_soft_edges_keep_their_colours(tmp_path, two):
    colors = np.array([BLACK, RED, BLUE], np.uint8)
    near = cv2.dilate(two, np.ones((9, 9), np.uint8))
    alpha = cv2.GaussianBlur((two > 0).astype(np.uint8) * 180, (0, 0), 1.5)
    loaded = read_mask(written(tmp_path, np.dstack([colors[near], alpha])))
    assert set(loaded.mapping.values()) == {RED, BLUE}


SWAPPED = np.array([2, 0, 1], np.uint8)


@pytest.mark.parametrize("name", ["m.png", "m.gif"])
@pytest.mark.parametrize("background", [BLACK, WHITE, (7, 90, 30)])
def test_a_transparent_last_index_is_background(tmp_path, two, name, background):
    path = indexed(tmp_path, SWAPPED[two], [RED, BLUE, background], name, transparency=2)
    assert same_regions(read_mask(path).ids, two)


@pytest.mark.parametrize("color", [RED, BLACK])
def test_a_transparent_middle_index_is_background(tmp_path, two, color):
    first = np.array([1, 0, 2], np.uint8)[two]
    path = indexed(tmp_path, first, [color, WHITE, BLUE], transparency=1)
    assert same_regions(read_mask(path).ids, two)
    path = indexed(tmp_path, first, [color, WHITE, BLUE], transparency=b"\xff\0\xff")
    assert same_regions(read_mask(path).ids, two)


def test_a_transparent_index_inside_the_rest_is_refused(tmp_path, two):
    with pytest.raises(InputError, match="index 0 is all around, and 900 pixels inside"):
        read_mask(indexed(tmp_path, two, [BLACK, RED, BLUE], transparency=1))


def test_a_white_background_is_said_and_another_one_refused(tmp_path, two):
    colors = np.array([WHITE, RED, BLUE], np.uint8)[two]
    for path in (
        written(tmp_path, colors, "rgb.png"),
        indexed(tmp_path, SWAPPED[two], [RED, BLUE, WHITE]),
    ):
        with pytest.warns(UserWarning, match="white, which is all around, was taken as backgr"):
            assert same_regions(read_mask(path).ids, two)
    path = indexed(tmp_path, SWAPPED[two], [RED, BLUE, (9, 80, 9)])
    with pytest.raises(InputError, match=r"index 2 is all around.*--trust-mask"):
        read_mask(path)
    assert object_ids(read_mask(path, trust=True).ids) == (1, 2)
