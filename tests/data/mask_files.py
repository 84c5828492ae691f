"""Masks as drawing programs write them."""

import cv2
import numpy as np
from PIL import Image

RED, BLUE, WHITE, BLACK = (200, 30, 60), (40, 90, 220), (255, 255, 255), (0, 0, 0)


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


def photograph(gray=False):
    rng = np.random.default_rng(1)
    image = cv2.resize(rng.integers(0, 255, (12, 16, 3), np.uint8), (160, 120))
    image = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    image[:20] = 90
    return image[..., 1] if gray else image
