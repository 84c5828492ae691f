"""A picture, and parameters of one crop, for the tests of this wing."""

import numpy as np

from pretrain.data.augmentations import (
    CropParameters,
)


def photo(height=300, width=400, seed=0):
    """A smooth picture with edges and strong colours."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [
        np.sin(2 * np.pi * (random.uniform(1, 6) * x + random.uniform(1, 6) * y)) for _ in "rgb"
    ]
    picture = np.stack(waves, axis=-1) * 45 + 128
    picture[height // 4 : height // 2, width // 4 : width // 2] = (180, 90, 100)
    return picture.clip(0, 255).astype(np.uint8)


def plain(size=64, **changes):
    values = {
        "box": (0, 0, size, size),
        "size": size,
        "flip": False,
        "factors": None,
        "order": (0, 1, 2, 3),
        "gray": False,
        "sigma": 0.0,
        "solarize": False,
    }
    return CropParameters(**{**values, **changes})
