"""Region similarity J and contour accuracy F of masks, and their statistics over a sequence.

F. Perazzi et al., DAVIS 2016, section 5; J. Pont-Tuset et al., DAVIS 2017 (arXiv 1704.00675),
section 4. Everything is counted in integers, on the box that holds the object, which changes no
figure: outside of it there is neither object nor boundary.

Shape letters: T frames, H W pixels, h w pixels of a box.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

BOUNDARY_TOLERANCE = 0.008
"""How far two boundaries may be apart and still match, as a share of the image's diagonal."""


RECALL_THRESHOLD = 0.5
"""A frame counts for the recall when its J (or F) is above this."""


DECAY_BINS = 4
"""The decay compares the first with the last of this many parts of a sequence."""


Mask = NDArray[np.uint8]
Bits = NDArray[np.uint64]
_WORD = 64
_SQUARE = np.ones((2, 2), np.uint8)
_NOTHING = np.zeros((1, 1), np.uint8)


@dataclass(frozen=True)
class Statistics:
    """Mean, recall and decay of J or F over the frames of one object."""

    mean: float
    recall: float
    decay: float


def boundary_radius(height: int, width: int, tolerance: float = BOUNDARY_TOLERANCE) -> int:
    """Return the distance in pixels within which boundaries match in an image of this size."""
    return int(np.ceil(tolerance * np.linalg.norm((height, width))))


def boundary_map(mask: Mask) -> Mask:
    """Return the boundary (H, W) uint8 of a mask: 0, or the mask's own non-zero value.

    A pixel is boundary where the mask differs from its right, lower or lower-right neighbour;
    in the last row and column only along them, and never in the last corner. That is where the
    2 x 2 square from the pixel to its lower right is not all the same, with the border repeated.

    Args:
        mask: (H, W) uint8 with a single non-zero value, or all zero.
    """
    return cv2.morphologyEx(  # type: ignore[return-value]
        mask, cv2.MORPH_GRADIENT, _SQUARE, anchor=(0, 0), borderType=cv2.BORDER_REPLICATE
    )


@dataclass(frozen=True, eq=False)
class Region:
    """A mask of one object in one frame, with what J and F need of it.

    Made once for each object and frame; its dilated boundary is made when first compared.
    Boundaries are kept as bits, 64 pixels a word, in columns of words that are the same for all
    regions of a frame, so that two of them compare word by word.
    """

    top: int
    left: int
    mask: Mask
    """(h, w), 0 or 255, its first pixel at (top, left) in the frame."""
    area: int
    """Pixels of the object."""
    length: int
    """Pixels of its boundary."""
    boundary: Bits
    """(h + 2r, words): the boundary and a margin as wide as the radius r."""
    first_word: int
    radius: int
    """Boundaries match within this many pixels."""

    @classmethod
    def of(cls, mask: Mask, tolerance: float = BOUNDARY_TOLERANCE) -> Region:
        """Measure a mask (H, W) uint8 that is 255 on the object and 0 elsewhere."""
        radius = boundary_radius(mask.shape[0], mask.shape[1], tolerance)
        x, y, w, h = cv2.boundingRect(mask)
        # One pixel more on each side: the boundary reaches one pixel up and left of the object,
        # and the last row and column must be background unless they are the frame's own.
        top, left = max(y - 1, 0), max(x - 1, 0)
        crop = np.ascontiguousarray(mask[top : y + h + 1, left : x + w + 1]) if h else _NOTHING
        edges = boundary_map(crop)
        first_word, bits = _packed(edges, left, radius)
        area, length = cv2.countNonZero(crop), cv2.countNonZero(edges)
        return cls(top, left, crop, area, length, bits, first_word, radius)

    @cached_property
    def reach(self) -> Bits:
        """Where another boundary matches this one, in the same words as `boundary`."""
        return _dilated(self.boundary, self.radius)

    def matched(self, other: Region) -> int:
        """Count the pixels of this boundary that lie within reach of the other's."""
        mine, its = (self.top, self.first_word), (other.top, other.first_word)
        common = _common(mine, self.boundary.shape, its, other.boundary.shape)
        if common is None:
            return 0
        return int(np.bitwise_count(self.boundary[common[0]] & other.reach[common[1]]).sum())

    def intersection(self, other: Region) -> int:
        """Count the pixels that are in both masks."""
        mine, its = (self.top, self.left), (other.top, other.left)
        common = _common(mine, self.mask.shape, its, other.mask.shape)
        if common is None:
            return 0
        return cv2.countNonZero(cv2.bitwise_and(self.mask[common[0]], other.mask[common[1]]))


def _common(
    a: tuple[int, ...], a_shape: tuple[int, ...], b: tuple[int, ...], b_shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """Find what two crops of one frame, first places `a` and `b`, share; None where nothing.

    Returns the shared part's slices in the first and in the second crop.
    """
    start = [max(i, j) for i, j in zip(a, b, strict=True)]
    stop = [min(i + m, j + n) for i, m, j, n in zip(a, a_shape, b, b_shape, strict=True)]
    if any(i >= j for i, j in zip(start, stop, strict=True)):
        return None
    first, second = (
        tuple(slice(i - o, j - o) for i, j, o in zip(start, stop, origin, strict=True))
        for origin in (a, b)
    )
    return first, second


def _packed(edges: Mask, left: int, radius: int) -> tuple[int, Bits]:
    """Pack a crop whose first column is `left` in the frame, with a margin on all sides.

    Returns the number of the first word (word k holds columns 64k to 64k + 63) and the bits.
    """
    first_word = (left - radius) // _WORD
    before = left - first_word * _WORD
    after = -(before + edges.shape[1] + radius) % _WORD + radius
    grown = cv2.copyMakeBorder(edges, radius, radius, before, after, cv2.BORDER_CONSTANT, value=0)
    octets = np.packbits(np.asarray(grown, np.uint8), axis=1, bitorder="little")
    return first_word, octets.view("<u8")  # (rows, octets) -> (rows, octets / 8)


def _dilated(bits: Bits, radius: int) -> Bits:
    """Dilate a bit map by the digital disk: the points at most `radius` away.

    The disk is a stack of rows. The map is widened step by step to the width of each row, from
    the disk's rim to its middle, and laid over the result at the row's distance up and down.
    The map's margin must be as wide as the radius, so that no bit crosses into another row.
    """
    result = np.zeros_like(bits)
    row, half_width = bits, 0
    for distance in range(radius, -1, -1):
        target = isqrt(radius * radius - distance * distance)
        while half_width < target:
            # Copies this far apart leave no gap between them.
            step = min(target - half_width, 2 * half_width + 1, _WORD - 1)
            row, half_width = _widened(row, step), half_width + step
        result[distance:] |= row[: len(row) - distance]
        result[: len(row) - distance] |= row[distance:]
    return result


def _widened(bits: Bits, columns: int) -> Bits:
    """Return the map together with its copies `columns` to the left and to the right."""
    flat = bits.ravel()
    step, rest = np.uint64(columns), np.uint64(_WORD - columns)
    result: Bits = flat | (flat << step) | (flat >> step)
    result[1:] |= flat[:-1] >> rest
    result[:-1] |= flat[1:] << rest
    return result.reshape(bits.shape)  # (rows * words,) -> (rows, words)


def similarity(prediction: Region, truth: Region) -> float:
    """Return J of two regions of one frame: intersection over union, 1 when both are empty."""
    both = prediction.intersection(truth)
    union = prediction.area + truth.area - both
    return both / union if union else 1.0


def accuracy(prediction: Region, truth: Region) -> float:
    """Return F of two regions of one frame: the harmonic mean of boundary precision and recall.

    1 when neither has a boundary, 0 when one alone has.
    """
    if not prediction.length and not truth.length:
        return 1.0
    if not prediction.length or not truth.length:
        return 0.0
    precision = prediction.matched(truth) / prediction.length
    recall = truth.matched(prediction) / truth.length
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def region_similarity(
    prediction: ArrayLike, truth: ArrayLike, void: ArrayLike | None = None
) -> float:
    """Return J, the intersection over union of two masks; 1 when both are empty.

    Args:
        prediction: (H, W), non-zero on the object.
        truth: (H, W), non-zero on the object.
        void: (H, W), non-zero where nothing is counted.

    Raises:
        ValueError: the arrays are not all of one shape (H, W).
    """
    return similarity(*_regions(prediction, truth, void, BOUNDARY_TOLERANCE))


def contour_accuracy(
    prediction: ArrayLike,
    truth: ArrayLike,
    void: ArrayLike | None = None,
    tolerance: float = BOUNDARY_TOLERANCE,
) -> float:
    """Return F, the agreement of the boundaries of two masks within a distance.

    Args:
        prediction: (H, W), non-zero on the object.
        truth: (H, W), non-zero on the object.
        void: (H, W), non-zero where both masks are taken as empty.
        tolerance: the distance, as a share of the image's diagonal (rounded up to pixels).

    Raises:
        ValueError: the arrays are not all of one shape (H, W).
    """
    return accuracy(*_regions(prediction, truth, void, tolerance))


def _regions(
    prediction: ArrayLike, truth: ArrayLike, void: ArrayLike | None, tolerance: float
) -> tuple[Region, Region]:
    arrays = [np.asarray(a) for a in (prediction, truth, *(() if void is None else (void,)))]
    if arrays[0].ndim != 2 or any(a.shape != arrays[0].shape for a in arrays):
        raise ValueError(f"expected masks of one shape (H, W), got {[a.shape for a in arrays]}")
    counted = True if void is None else arrays[2] == 0
    first, second = (
        Region.of(np.where((a != 0) & counted, np.uint8(255), np.uint8(0)), tolerance)
        for a in arrays[:2]
    )
    return first, second


def statistics(values: ArrayLike) -> Statistics:
    """Return mean, recall and decay of the J or F (T,) of one object; NaN frames are left out.

    The decay is the mean of the first of four parts minus that of the last. Neighbouring parts
    share a frame. Positions are whole numbers of any size, so long sequences are cut correctly.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"expected one value for each frame, got shape {series.shape}")
    cuts = np.round(np.linspace(1, max(series.size, 1), DECAY_BINS + 1) + 1e-10).astype(int) - 1
    first, last = series[: cuts[1] + 1], series[cuts[-2] : cuts[-1] + 1]
    recall = np.where(np.isnan(series), np.nan, series > RECALL_THRESHOLD)
    return Statistics(_mean(series), _mean(recall), _mean(first) - _mean(last))


def _mean(values: NDArray[np.float64]) -> float:
    """Mean without NaNs; NaN, and no warning, when nothing is left."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def region_of(ids: NDArray[np.uint8], number: int) -> Region:
    """Measure the region of one id in a mask (H, W)."""
    return Region.of(cv2.compare(ids, number, cv2.CMP_EQ))  # type: ignore[call-overload]
