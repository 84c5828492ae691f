"""Values fitted to the colours around each pixel, so that they follow the picture's edges.

K. He, J. Sun and X. Tang, "Guided image filtering", 2013; K. He and J. Sun, "Fast guided filter",
2015.

Shapes: H' W' pixels of the guide.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_NOISE = 3e-5
"""Variance of colours (0 to 1) below which a window counts as flat: its values are averaged."""
Floats = NDArray[np.float32]


class ColourWindow:
    """Linear fits of values to the colours of the window around each pixel.

    Args:
        guide: (H', W', 3) float32 from 0 to 1.
        radius: of the square window, in pixels.
    """

    def __init__(self, guide: NDArray[Any], radius: int) -> None:
        self._guide = guide
        self._side = (2 * radius + 1, 2 * radius + 1)
        self._mean = self._average(guide)
        products = guide[..., :, None] * guide[..., None, :]  # (H', W', 3, 3)
        rows = [self._average(np.ascontiguousarray(products[..., i, :])) for i in range(3)]
        means = self._mean[..., :, None] * self._mean[..., None, :]
        covariance = np.stack(rows, axis=-2) - means
        self._inverse = np.linalg.inv(covariance + _NOISE * np.eye(3, dtype=np.float32))

    def fit(self, values: NDArray[Any]) -> Floats:
        """Return the averaged slopes and constants of values (H', W'): (H', W', 4) float32."""
        mean = self._average(values)
        products = np.asarray(self._guide * values[..., None], np.float32)
        cross = self._average(products) - self._mean * mean[..., None]
        slopes = (self._inverse @ cross[..., None])[..., 0]  # (H', W', 3)
        constant = mean - (slopes * self._mean).sum(-1)
        return self._average(np.dstack([slopes, constant]).astype(np.float32))

    def _average(self, values: NDArray[Any]) -> Floats:
        averaged = cv2.blur(values, self._side, borderType=cv2.BORDER_REFLECT)
        return np.asarray(averaged, np.float32)
