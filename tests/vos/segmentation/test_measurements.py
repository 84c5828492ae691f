"""Area, place and border of objects, against scikit-image and by hand."""

import cv2
import numpy as np
import pytest
from skimage.measure import regionprops

from vos.errors import InputError
from vos.segmentation.measurements import Measurement, measure


def test_a_rectangle_by_hand():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 30:50] = 7
    assert measure(mask) == {7: Measurement(200, (39.5, 14.5), (30, 10, 20, 10), 2 * 9 + 2 * 19)}


def test_blots_with_holes_and_parts_have_scikit_images_numbers():
    rng = np.random.default_rng(0)
    for _ in range(20):
        noise = cv2.GaussianBlur(rng.random((90, 130)), (0, 0), rng.uniform(0.3, 6))
        mask = np.where(noise > 0.5, 5, 0).astype(np.uint8)
        mask[rng.random(mask.shape) < 0.02] = 255
        (expected,) = regionprops((mask == 5).astype(np.uint8))
        measured = measure(mask)[5]
        top, left, bottom, right = expected.bbox
        assert measured.area == expected.area
        assert measured.centroid == pytest.approx(expected.centroid[::-1])
        assert measured.box == (left, top, right - left, bottom - top)
        assert measured.perimeter == pytest.approx(expected.perimeter)


def test_a_unit_of_length():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 30:50] = 1
    measured = measure(mask, pixel_size=0.5)[1]
    assert measured.area == 50
    assert measured.centroid == (19.75, 7.25)
    assert measured.box == (15, 5, 10, 5)
    assert measured.perimeter == 28


def test_a_disc_is_about_as_round_as_it_should_be():
    mask = np.zeros((200, 200), np.uint8)
    cv2.circle(mask, (100, 100), 60, 1, -1)
    measured = measure(mask)[1]
    assert measured.area == pytest.approx(np.pi * 60**2, rel=0.02)
    assert measured.perimeter == pytest.approx(2 * np.pi * 60, rel=0.06)
    assert measured.centroid == pytest.approx((100, 100))


def test_objects_without_pixels_and_objects_that_were_not_asked_for():
    mask = np.zeros((8, 9), np.uint8)
    mask[2, 3], mask[0, 0] = 9, 255
    empty = Measurement(0, None, None, None)
    assert measure(mask, [4, 2]) == {
        2: empty,
        4: empty,
        9: Measurement(1, (3, 2), (3, 2, 1, 1), 0),
    }
    assert measure(np.zeros((8, 9), np.uint8)) == {}


def test_an_object_that_fills_the_frame():
    measured = measure(np.full((10, 20), 3, np.uint8))[3]
    assert measured == Measurement(200, (9.5, 4.5), (0, 0, 20, 10), 2 * 9 + 2 * 19)


@pytest.mark.parametrize("mask", [np.zeros((3, 3)), np.zeros((3, 3, 1), np.uint8)])
def test_what_is_no_mask(mask):
    with pytest.raises(InputError, match="a mask is uint8"):
        measure(mask)


@pytest.mark.parametrize("size", [0, -1, float("nan"), float("inf")])
def test_sizes_of_a_pixel_that_are_none(size):
    with pytest.raises(InputError, match="size of a pixel"):
        measure(np.zeros((3, 3), np.uint8), pixel_size=size)
