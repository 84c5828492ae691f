"""Index maps of object ids, channels of them, and their sizes."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from tests.data.areas import MASKS, SIDES, few
from vos.errors import InputError
from vos.masks.ids import VOID, fit_mask, ids_from_channels, object_ids, one_hot, resize_nearest


def test_object_ids_leave_out_background_and_void():
    assert object_ids(np.array([[0, 255, 254], [7, 7, 1]], np.uint8)) == (1, 7, 254)
    assert object_ids(np.zeros((2, 2), np.uint8)) == ()


@few
@given(MASKS)
def test_channels_and_back(ids):
    objects = object_ids(ids)
    channels = one_hot(ids, objects)
    assert channels.dtype == np.float32
    assert channels.shape == (1 + len(objects), *ids.shape)
    np.testing.assert_array_equal(channels.sum(axis=0), ids != VOID)
    back = ids_from_channels(channels.argmax(axis=0), objects)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, np.where(ids == VOID, 0, ids))


def test_one_hot_keeps_the_order_given_and_drops_others():
    channels = one_hot(np.array([[0, 9, 4, 5]], np.uint8), (9, 4))
    np.testing.assert_array_equal(channels[:, 0], [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])


@few
@given(MASKS, SIDES)
def test_resize_is_pillow_nearest(ids, size):
    expected = Image.fromarray(ids).resize((size[1], size[0]), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(resize_nearest(ids, *size), np.array(expected))
    assert set(object_ids(resize_nearest(ids, *size))) <= set(object_ids(ids))


def test_fit_mask_says_both_sizes(three):
    assert fit_mask(three, 120, 160) is three
    with pytest.raises(InputError, match=r"160x120 pixels, its frame is 320x240.*--resize-mask"):
        fit_mask(three, 240, 320)
    assert fit_mask(three, 240, 320, resize=True).shape == (240, 320)


def test_fit_mask_warns_of_lost_objects():
    ids = np.zeros((100, 100), np.uint8)
    ids[:50], ids[99, 99] = 1, 9
    with pytest.warns(UserWarning, match=r"objects \[9\] vanish at 10x10"):
        fit_mask(ids, 10, 10, resize=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_mask(np.ones((4, 4), np.uint8), 2, 2, resize=True)
