"""Graphs of filters and upright pictures."""

import numpy as np

from vos.video.filters import upright


def matrix(a, b, c, d):
    return np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], np.int32)


def test_display_matrices_turn_and_mirror():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    cases = {
        (1, 0, 0, 1): image,
        (0, 1, -1, 0): np.rot90(image, -1),
        (0, -1, 1, 0): np.rot90(image, 1),
        (-1, 0, 0, -1): np.rot90(image, 2),
        (-1, 0, 0, 1): image[:, ::-1],
        (1, 0, 0, -1): image[::-1],
        (0, 1, 1, 0): image.swapaxes(0, 1),
    }
    for entries, expected in cases.items():
        np.testing.assert_array_equal(upright(image, matrix(*entries)), expected)
    assert upright(image, None) is image
