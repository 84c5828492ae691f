"""Objects that lie only along borders of others are no objects."""

import cv2
import numpy as np
import pytest

from tests.data.mask_files import indexed, written
from vos.errors import InputError
from vos.masks.ids import object_ids
from vos.masks.io import read_mask
from vos.masks.palette import DAVIS_PALETTE


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
