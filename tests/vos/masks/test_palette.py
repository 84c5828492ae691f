"""The palette is that of the DAVIS files."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from vos.masks.palette import DAVIS_PALETTE, SCREEN_COLORS, contrast, screen_color


def test_palette_is_that_of_the_davis_files(shared_data):
    path = shared_data / "davis-scoring/DAVIS/Annotations/480p/kite-surf/00000.png"
    stored = np.array(Image.open(path).getpalette("RGB"), np.uint8).reshape(-1, 3)
    np.testing.assert_array_equal(stored, DAVIS_PALETTE)


def test_palette_known_colours_and_all_different():
    assert DAVIS_PALETTE[[0, 1, 2, 3, 8]].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [128, 128, 0],
        [64, 0, 0],
    ]
    assert len(np.unique(DAVIS_PALETTE, axis=0)) == 256


SIGHT = {  # Machado et al. 2009, severity 1, on linear RGB
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(color, sight):
    levels = np.array(color) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    x, y, z = TO_XYZ @ np.clip(np.array(sight) @ linear, 0, 1) / (0.9505, 1, 1.089)
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_contrast():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_screen_colors_are_clear_on_black_and_on_white():
    assert len(set(SCREEN_COLORS)) == len(SCREEN_COLORS) > 60
    for color in SCREEN_COLORS:
        assert contrast(color, (0, 0, 0)) >= 2.2
        assert contrast(color, (255, 255, 255)) >= 2.2
    assert screen_color(1) == (230, 159, 0)
    assert {screen_color(number) for number in range(1, 255)} == set(SCREEN_COLORS)


@pytest.mark.parametrize("sight", SIGHT.values(), ids=SIGHT)
@pytest.mark.parametrize(("count", "least"), [(4, 39), (6, 25), (8, 17), (10, 14)])
def test_the_first_screen_colors_are_apart_for_every_kind_of_sight(sight, count, least):
    places = [lab(color, sight) for color in SCREEN_COLORS[:count]]
    assert min(np.linalg.norm(a - b) for a, b in combinations(places, 2)) >= least
