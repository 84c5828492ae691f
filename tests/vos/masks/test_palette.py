"""The palette is that of the DAVIS files."""

import numpy as np
from PIL import Image

from vos.masks.palette import DAVIS_PALETTE


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
