"""EXIF's eight orientations."""

import numpy as np
import pytest
from PIL import Image

from tests.vos.pictures.files import jpeg, png, with_chunk
from vos.pictures.orientation import stored_orientation, turned_upright


def test_orientations_undo_what_the_camera_did():
    image = np.arange(12).reshape(2, 6)
    expected = {
        1: image,
        2: image[:, ::-1],
        3: np.rot90(image, 2),
        4: image[::-1],
        5: image.T,
        6: np.rot90(image, -1),
        7: np.rot90(image, 2).T,
        8: np.rot90(image),
    }
    for orientation, turned in expected.items():
        np.testing.assert_array_equal(turned_upright(image, orientation), turned)


@pytest.mark.parametrize(("value", "expected"), [(6, 6), (1, 1), (8, 8), (0, 1), (9, 1), (700, 1)])
def test_only_the_eight_orientations_count(value, expected):
    exif = Image.Exif()
    exif[0x112] = value
    assert stored_orientation(jpeg(exif=exif)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        with_chunk(png(np.zeros((4, 4), np.uint16)), b"eXIf", b"II*\0\xff\xff\xff\xff"),
        with_chunk(png(np.zeros((4, 4), np.uint16)), b"eXIf", b"broken"),
        png(np.zeros((4, 4), np.uint16))[:40],
    ],
)
def test_what_cannot_be_read_is_upright(data):
    assert stored_orientation(data) == 1
