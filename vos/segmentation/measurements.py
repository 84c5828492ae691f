"""Area, place and border of the objects in a mask, in pixels or in a unit of length.

The conventions are scikit-image's: the middle of the upper left pixel is (0, 0), and the perimeter
is that of `skimage.measure.perimeter`.

Shape letters: H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.ids import object_ids

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_NEIGHBOR_CODES = np.array([[10, 2, 10], [2, 1, 2], [10, 2, 10]], np.float32)


def _step_lengths() -> NDArray[np.float64]:
    """Length that a border pixel adds to the perimeter, by the code of its border neighbours."""
    lengths = np.zeros(50)
    lengths[[5, 7, 15, 17, 25, 27]] = 1  # straight on
    lengths[[21, 33]] = np.sqrt(2)  # along a diagonal
    lengths[[13, 23]] = (1 + np.sqrt(2)) / 2  # half of each
    return lengths


_STEP_LENGTHS = _step_lengths()


@dataclass(frozen=True)
class Measurement:
    """One object in one mask; without pixels its area is 0 and the rest is None."""

    area: float
    """Its pixels; in a unit of length, its square units."""
    centroid: tuple[float, float] | None
    """Mean (x, y) of its pixels' middles; the upper left pixel's middle is (0, 0)."""
    box: tuple[float, float, float, float] | None
    """(left, top, width, height): its first column and row, and how many it reaches over."""
    perimeter: float | None
    """Length of its border, holes and all parts counted, along the middles of the border's
    pixels (Benkrid and Crookes), as scikit-image has it. One pixel alone has 0."""


def measure(
    mask: NDArray[np.uint8], objects: Iterable[int] = (), *, pixel_size: float = 1.0
) -> dict[int, Measurement]:
    """Measure the objects in a mask.

    Args:
        mask: uint8 (H, W) of ids, 0 background, 255 void.
        objects: ids that get a measurement even if the mask has no pixel of them.
        pixel_size: length of a pixel's side; lengths are multiplied by it, areas by its square.

    Returns:
        Object id -> measurement, by rising id: of `objects` and of what the mask holds.

    Raises:
        InputError: the mask is not uint8 (H, W), or the size of a pixel not a number above 0.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise InputError(
            f"a mask is uint8 (height, width) of object ids; got {mask.dtype} of shape "
            f"{tuple(mask.shape)}"
        )
    if not 0 < pixel_size < float("inf"):
        raise InputError(f"the size of a pixel is {pixel_size}; expected a number above 0")
    present = object_ids(mask)
    return {
        object_id: _measured((mask == object_id).view(np.uint8), pixel_size)
        if object_id in present
        else Measurement(0.0, None, None, None)
        for object_id in sorted({*objects, *present})
    }


def _measured(inside: NDArray[np.uint8], pixel_size: float) -> Measurement:
    """Measure the pixels that are 1, of which there is at least one."""
    left, top, width, height = cv2.boundingRect(inside)
    part = inside[top : top + height, left : left + width]
    area = int(cv2.countNonZero(part))
    x = left + float(part.sum(0, dtype=np.int64) @ np.arange(width)) / area
    y = top + float(part.sum(1, dtype=np.int64) @ np.arange(height)) / area
    box = tuple(pixel_size * value for value in (left, top, width, height))
    return Measurement(
        area * pixel_size**2,
        (x * pixel_size, y * pixel_size),
        (box[0], box[1], box[2], box[3]),
        _perimeter(part) * pixel_size,
    )


def _perimeter(inside: NDArray[np.uint8]) -> float:
    """Return the length of the border in pixels; what lies outside of the array is background."""
    padded = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    border = padded - cv2.erode(padded, _CROSS)
    codes = cv2.filter2D(border, -1, _NEIGHBOR_CODES, borderType=cv2.BORDER_CONSTANT)
    counts = np.bincount(codes[border > 0], minlength=len(_STEP_LENGTHS))
    return float(counts @ _STEP_LENGTHS)
