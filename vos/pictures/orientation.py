"""The orientation that a camera writes into a picture (EXIF).

Shape letters: H W pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ORIENTATION_TAG = 0x112


def turned_upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn and mirror (H, W, ...) as an EXIF orientation from 1 (upright) to 8 says."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)  # (H, W, ...) -> (W, H, ...)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(image[::rows, ::columns])
