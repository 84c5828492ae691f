"""Which pixels of a mask that is there already change by what is drawn, and which stay.

Shapes: H W pixels of the frame.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
_ROWS = 480


def changed_parts(base: Mask, wanted: Mask, drawn: NDArray[np.int8], reach: float) -> Mask:
    """Return the pixels in which a base gives way to another mask.

    They are the connected parts of what the other mask adds that have a positive pixel, and of what
    it takes away that have a negative one.

    Args:
        base: (H, W) bool.
        wanted: (H, W) bool, the other mask.
        drawn: (H, W) int8: 1 and -1 for pixels drawn.
        reach: largest distance to such a pixel, as a share of the frame's shorter side.

    Returns:
        (H, W) bool.
    """
    changed = np.zeros_like(base)
    for part, sign in ((wanted & ~base, 1), (base & ~wanted, -1)):
        seeds = part & (drawn == sign)
        if seeds.any():
            away = cv2.distanceTransform(
                (~seeds).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
            )
            changed |= _parts_with(part & (away <= reach * min(base.shape)), seeds)
    return changed


def wrong_parts(base: Mask, drawn: NDArray[np.int8], share: float) -> Mask:
    """Return the connected parts of a base that have a negative pixel and no positive one.

    Args:
        base: (H, W) bool.
        drawn: (H, W) int8: 1 and -1 for pixels drawn.
        share: of the base that a part is at most.

    Returns:
        (H, W) bool.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(base.astype(np.uint8), connectivity=8)
    wrong = np.zeros(len(stats), np.bool_)
    wrong[parts[drawn < 0]] = True
    wrong[parts[drawn > 0]] = False
    wrong[stats[:, cv2.CC_STAT_AREA] > share * base.sum()] = False
    wrong[0] = False
    return np.asarray(wrong[parts], np.bool_)


def surroundings(pixels: Mask, width: int) -> Mask:
    """Return pixels and those around them, up to a width in pixels of a frame of 480 rows."""
    radius = max(1, round(width * min(pixels.shape) / _ROWS))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(pixels.astype(np.uint8), disc) > 0, np.bool_)


def _parts_with(mask: Mask, seeds: Mask) -> Mask:
    """Return the connected parts of a mask that have a seed."""
    count, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    kept = np.zeros(count, np.bool_)
    kept[parts[seeds]] = True
    kept[0] = False
    return np.asarray(kept[parts], np.bool_)
