"""What values mean: 255, stray values, thin objects, phantoms, photographs, transparency."""

import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from vos.errors import InputError
from vos.masks.ids import object_ids
from vos.masks.io import read_mask
from vos.masks.palette import DAVIS_PALETTE

RED, BLUE, WHITE, BLACK = (200, 30, 60), (40, 90, 220), (255, 255, 255), (0, 0, 0)


@pytest.fixture
def two():
    """Two squares, ids 1 and 2, on 80x100."""
    ids = np.zeros((80, 100), np.uint8)
    ids[10:40, 10:40] = 1
    ids[30:70, 60:90] = 2
    return ids


def written(tmp_path, array, name="m.png", **options):
    path = tmp_path / name
    if name.endswith(".npy"):
        np.save(path, array)
    else:
        Image.fromarray(array).save(path, **options)
    return path


def indexed(tmp_path, indexes, palette, name="m.png", **options):
    image = Image.fromarray(indexes)
    image.putpalette([value for color in palette for value in color])
    image.save(tmp_path / name, **options)
    return tmp_path / name


def same_regions(found, expected):
    pairs = set(zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True))
    return len(pairs) == len(np.unique(expected)) and (0, 0) in pairs


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


def photograph(gray=False):
    rng = np.random.default_rng(1)
    image = cv2.resize(rng.integers(0, 255, (12, 16, 3), np.uint8), (160, 120))
    image = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    image[:20] = 90
    return image[..., 1] if gray else image


@pytest.mark.parametrize("snap", [False, True])
@pytest.mark.parametrize("name", ["m.png", "m.jpg"])
@pytest.mark.parametrize("gray", [False, True])
def test_a_photograph_is_named_so_with_the_way_to_make_a_mask(tmp_path, snap, name, gray):
    with pytest.raises(InputError, match=r"is a photograph.*(paint|label)"):
        read_mask(written(tmp_path, photograph(gray), name), snap=snap)


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


def enlarged(ids, interpolation, factor):
    height, width = ids.shape
    small = cv2.resize(ids, (width // factor, height // factor), interpolation=interpolation)
    return cv2.resize(small, (width, height), interpolation=interpolation)


@pytest.mark.parametrize("interpolation", [cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA])
@pytest.mark.parametrize("values", [(0, 1, 3), (0, 2, 3), (0, 3, 3), (0, 1, 5)])
@pytest.mark.parametrize("factor", [2, 3])
def test_ids_resized_with_interpolation_are_refused(tmp_path, two, interpolation, values, factor):
    two[20:40, 35:60] = 2  # the squares touch
    ids = enlarged(np.array(values, np.uint8)[two], interpolation, factor)
    if set(np.unique(ids)) <= set(values) and (values == (0, 3, 3) or 1 not in values):
        pytest.skip("nothing between the ids")
    for name in ("m.png", "m.npy"):
        with pytest.raises(InputError, match=r"pixels|edges"):
            read_mask(written(tmp_path, ids, name))


def test_a_phantom_is_counted_named_and_snapped_away(tmp_path, two):
    two[20:40, 40:60] = 2
    ids = np.where(two == 2, np.uint8(3), two)
    ids[20:40, 39] = 2
    path = written(tmp_path, ids)
    with pytest.raises(InputError, match=r"\(2: 20 pixels\).*nearest neighbour.*--snap-mask"):
        read_mask(path)
    assert object_ids(read_mask(path, snap=True).ids) == (1, 3)
    assert object_ids(read_mask(path, trust=True).ids) == (1, 2, 3)


def test_a_phantom_in_the_palette_of_davis_is_refused(tmp_path, two):
    ids = enlarged(two * 4, cv2.INTER_LINEAR, 2)
    with pytest.raises(InputError, match="border between"):
        read_mask(indexed(tmp_path, ids, DAVIS_PALETTE.tolist()))


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_ids_resized_by_nearest_neighbour_are_clean(tmp_path, two, factor):
    ids = enlarged(two, cv2.INTER_NEAREST, factor)
    assert np.array_equal(read_mask(written(tmp_path, ids)).ids, ids)


@pytest.mark.parametrize("scale", [1, 10])
def test_ids_saved_as_jpeg_are_refused(tmp_path, two, scale):
    with pytest.raises(InputError, match="JPEG"):
        read_mask(written(tmp_path, two * scale, "m.jpg", quality=95))


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


@pytest.mark.parametrize("cut", [b"), }", b"}"])
def test_an_array_with_a_broken_header(tmp_path, two, cut):
    path = written(tmp_path, two, "m.npy")
    path.write_bytes(path.read_bytes().replace(cut, b"(" * len(cut), 1))
    with pytest.raises(InputError, match=r"m\.npy: not a readable \.npy"):
        read_mask(path)
