"""What values mean: 255, stray values, thin objects, phantoms, photographs, transparency."""

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.data.mask_files import (
    same_regions,
    written,
)
from vos.errors import InputError
from vos.masks.io import read_mask


@pytest.mark.parametrize("levels", [(0, 128, 255), (0, 127, 255), (0, 85, 255), (0, 255, 64)])
@pytest.mark.parametrize("form", ["L", "RGB", "LA", "npy"])
def test_white_beside_other_gray_levels_is_an_object(tmp_path, two, levels, form):
    gray = np.array(levels, np.uint8)[two]
    if form == "npy":
        path = written(tmp_path, gray, "m.npy")
    else:
        path = tmp_path / "m.png"
        Image.fromarray(gray).convert(form).save(path)
    loaded = read_mask(path)
    assert same_regions(loaded.ids, two)
    assert 255 in loaded.mapping.values()


@pytest.mark.parametrize("name", ["m.png", "m.npy"])
def test_an_area_of_white_beside_ids_is_refused_or_void_on_request(tmp_path, two, name):
    ids = np.array([0, 1, 255], np.uint8)[two]
    path = written(tmp_path, ids, name)
    with pytest.raises(InputError, match=r"1200 pixels have the value 255.*1 to 254.*--trust-mask"):
        read_mask(path)
    assert np.array_equal(read_mask(path, trust=True).ids, ids)


def test_a_small_white_object_apart_from_others_is_refused(tmp_path, two):
    ids = np.where(two == 1, np.uint8(3), 0)
    ids[60:64, 60:64] = 255
    with pytest.raises(InputError, match="16 pixels have the value 255"):
        read_mask(written(tmp_path, ids))


def test_a_white_line_around_objects_is_void_and_said(tmp_path, two):
    square = np.ones((5, 5), np.uint8)
    ids = np.where(cv2.dilate(two, square) != cv2.erode(two, square), np.uint8(255), two)
    with pytest.warns(UserWarning, match=r"\d+ pixels of value 255 are void"):
        loaded = read_mask(written(tmp_path, ids))
    assert np.array_equal(loaded.ids, ids)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint16])
def test_arrays_of_black_and_white_are_object_one(tmp_path, two, dtype):
    loaded = read_mask(written(tmp_path, (two > 0).astype(dtype) * 255, "m.npy"))
    assert np.array_equal(loaded.ids, two > 0)
    assert loaded.mapping == {1: 255}


def wires(width, size):
    ids = np.zeros((64, 96), np.uint8)
    for number in range(5):
        ids[8 + 11 * number : 8 + 11 * number + width, 10 : 10 + size] = number + 1
    return ids


@pytest.mark.parametrize("snap", [False, True])
@pytest.mark.parametrize(("width", "size"), [(1, 50), (2, 50), (2, 2), (1, 3)])
def test_thin_objects_are_objects(tmp_path, snap, width, size):
    ids = wires(width, size)
    assert np.array_equal(read_mask(written(tmp_path, ids), snap=snap).ids, ids)


@pytest.mark.parametrize("cut", [b"), }", b"}"])
def test_an_array_with_a_broken_header(tmp_path, two, cut):
    path = written(tmp_path, two, "m.npy")
    path.write_bytes(path.read_bytes().replace(cut, b"(" * len(cut), 1))
    with pytest.raises(InputError, match=r"m\.npy: not a readable \.npy"):
        read_mask(path)
