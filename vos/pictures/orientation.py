"""The orientation that a camera writes into a picture (EXIF).

Shape letters: H W pixels.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_TAG = 0x112
_UPRIGHT = 1


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of an opened picture, 1 to 8; 1 where it has none of these."""
    try:
        orientation = int(image.getexif().get(_TAG, _UPRIGHT))
    except Exception:  # as Pillow's parsers of damaged files raise whatever they trip over
        return _UPRIGHT
    return orientation if 1 <= orientation <= 8 else _UPRIGHT


def stored_orientation(data: bytes) -> int:
    """Return the EXIF orientation of a picture's file, 1 to 8; 1 where it cannot be read."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            return orientation_of(opened)
    except Exception:  # as above; the pixels may be whole all the same
        return _UPRIGHT


def turned_upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn and mirror (H, W, ...) as an EXIF orientation from 1 (upright) to 8 says."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)  # (H, W, ...) -> (W, H, ...)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(image[::rows, ::columns])
