"""Samples as pictures to look at.

Shapes: H W pixels, S side of the crop.
"""

from __future__ import annotations

import cv2
import numpy as np

from pretrain.sources.decode import BrokenImageError, decode, read_header
from pretrain.sources.mixture import Mixture


def read_rgb(mixture: Mixture, index: int) -> np.ndarray:
    """Return a sample as (H, W, 3) uint8 RGB; one that cannot be read is grey."""
    source, inner = mixture.locate(index)
    try:
        data = source.read(inner, np.random.default_rng(index))
        if isinstance(data, np.ndarray):
            return data
        return decode(data, read_header(data))[0]
    except BrokenImageError:
        return np.full((32, 32, 3), 128, np.uint8)


def center_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Resize the short side to 8/7 of `size` and cut the middle: (S, S, 3) uint8."""
    short = min(image.shape[:2])
    factor = size * 8 / 7 / short
    height, width = (max(size, round(side * factor)) for side in image.shape[:2])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(image, (width, height), interpolation=way)
    top, left = (height - size) // 2, (width - size) // 2
    return resized[top : top + size, left : left + size]
