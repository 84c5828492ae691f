"""Stray values take the nearest main one on request, and clean ids never move."""

import warnings

import cv2
import numpy as np
import pytest

from tests.data.mask_files import (
    BLACK,
    RED,
    photograph,
    same_regions,
    written,
)
from vos.errors import InputError
from vos.masks.ids import object_ids
from vos.masks.io import read_mask


@pytest.mark.parametrize(
    "values", [(0, 1, 2), (0, 100, 120), (0, 7, 254), (0, 3, 200), (0, 30, 31)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_snapping_leaves_clean_ids_alone(tmp_path, two, values, dtype):
    ids = np.array(values, dtype)[two]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = written(tmp_path, ids, "m.tif" if dtype == np.int32 else "m.png")
        assert np.array_equal(read_mask(path, snap=True).ids, ids)


def test_snapping_keeps_many_clean_ids_and_near_colours(tmp_path, two):
    cells = np.arange(1, 222).repeat(1).astype(np.uint8).reshape(13, 17)
    ids = np.kron(cells, np.ones((4, 5), np.uint8))
    assert np.array_equal(read_mask(written(tmp_path, ids), snap=True).ids, ids)
    near = np.array([BLACK, RED, (210, 40, 60)], np.uint8)[two]
    assert same_regions(read_mask(written(tmp_path, near), snap=True).ids, two)


@pytest.mark.parametrize("values", [(20000, 20100), (300, 500)])
def test_snapping_does_not_merge_ids_of_16_bits(tmp_path, two, values):
    ids = np.array([0, *values], np.uint16)[two]
    with pytest.raises(InputError, match=f"holds the value {values[1]}"):
        read_mask(written(tmp_path, ids), snap=True)


@pytest.mark.parametrize("quality", [0, 80, 95])
def test_snapping_keeps_large_areas_of_near_levels_apart(tmp_path, two, quality):
    gray = np.array([0, 100, 120], np.uint8)[two]
    gray = cv2.GaussianBlur(gray, (0, 0), 1)
    options = {"quality": quality, "name": "m.jpg"} if quality else {"name": "m.png"}
    with pytest.warns(UserWarning, match=r"\d+ pixels of 8000 were given"):
        loaded = read_mask(written(tmp_path, gray, **options), snap=True)
    assert len(object_ids(loaded.ids)) == 2
    best = np.where(two == 1, 100, np.where(two == 2, 120, 0))
    assert (np.abs(loaded.ids.astype(int) - best) <= 2).mean() > 0.93


@pytest.mark.parametrize("snap", [False, True])
@pytest.mark.parametrize("name", ["m.png", "m.jpg"])
@pytest.mark.parametrize("gray", [False, True])
def test_a_photograph_is_named_so_with_the_way_to_make_a_mask(tmp_path, snap, name, gray):
    with pytest.raises(InputError, match=r"is a photograph.*(paint|label)"):
        read_mask(written(tmp_path, photograph(gray), name), snap=snap)
