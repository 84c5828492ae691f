"""EXIF's eight orientations."""

import numpy as np

from vos.pictures.orientation import turned_upright


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
