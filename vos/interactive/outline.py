"""From how likely each node is the object's to a mask of the frame's pixels.

The map is upsampled along the picture's edges, the parts that nobody asked for are dropped, and a
graph cut on colours decides a band around the outline. Drawn pixels are as they were drawn.

Shapes: H W pixels of the frame.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.interactive.frame_nodes import Floats
from vos.propagation.pixels.colour_window import ColourWindow

Mask = NDArray[np.bool_]
_GUIDE_ROWS = 60
"""Rows or columns of the guide's shorter side, to which its radius belongs."""
_RADIUS = 2
"""Nodes around one in whose window its value is fitted to colours."""
_MOST_CUT = 120_000
"""Pixels that the graph cut is made on at most; a larger part of the frame is made smaller."""
_MARGIN = 16
"""Pixels around the band that give the cut its background's colours."""
_BAND_ROWS = 480
_CUT_ROUNDS = 1


class GuidedUpsampling:
    """Fits of a map to the colours of the windows of one frame.

    Args:
        image: RGB uint8 (H, W, 3).
        shape: rows and columns of the maps.
    """

    def __init__(self, image: NDArray[np.uint8], shape: tuple[int, int]) -> None:
        self._full = image
        guide = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)
        small: Floats = (guide.astype(np.float32) / 255).astype(np.float32)
        self._window = ColourWindow(small, max(1, round(_RADIUS * min(shape) / _GUIDE_ROWS)))

    def __call__(self, values: Floats) -> Floats:
        """Return a map (rows, columns) at the frame's size: (H, W) float32."""
        fit = self._window.fit(values)
        size = self._full.shape[1::-1]
        upsampled = cv2.resize(fit, size, interpolation=cv2.INTER_LINEAR)
        value = upsampled[..., 3].copy()
        for channel in range(3):
            value += upsampled[..., channel] * (self._full[..., channel] * np.float32(1 / 255))
        return value


def asked_parts(mask: Mask, drawn: NDArray[np.int8]) -> Mask:
    """Keep the connected parts that hold a positive pixel; the largest where none was drawn.

    Args:
        mask: (H, W) bool.
        drawn: (H, W) int8, 1 for positive pixels.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    kept = np.zeros(len(stats), np.bool_)
    if (drawn > 0).any():
        kept[parts[drawn > 0]] = True
    elif len(stats) > 1:
        kept[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())] = True
    kept[0] = False
    return np.asarray(kept[parts], np.bool_)


def cut_band(image: NDArray[np.uint8], mask: Mask, fixed: NDArray[np.int8], band: int) -> Mask:
    """Decide the pixels near a mask's outline by a graph cut on colours (cv2.grabCut).

    Args:
        image: RGB uint8 (H, W, 3).
        mask: (H, W) bool.
        fixed: (H, W) int8, 1 and -1 for pixels that are not the cut's to decide.
        band: pixels to both sides of the outline, of a frame of 480 rows.

    Returns:
        (H, W) bool; the mask itself where there is nothing to cut.
    """
    radius = max(1, round(band * min(mask.shape) / _BAND_ROWS))
    part = _surroundings(mask, radius + _MARGIN)
    if part is None:
        return mask
    whole = mask[part]
    shrink = min(1.0, (_MOST_CUT / whole.size) ** 0.5)
    size = (max(8, round(whole.shape[1] * shrink)), max(8, round(whole.shape[0] * shrink)))
    picture = cv2.resize(image[part], size, interpolation=cv2.INTER_AREA)
    states = _states(whole, fixed[part], radius, size)
    sure_inside, sure_outside = (states == cv2.GC_FGD).any(), (states == cv2.GC_BGD).any()
    if not (sure_inside and sure_outside):
        return mask
    cv2.setRNGSeed(0)  # its clusters of colours begin at random ones
    models = (np.zeros((1, 65)), np.zeros((1, 65)))
    rectangle = (0, 0, 1, 1)  # not looked at in this mode
    cv2.grabCut(picture, states, rectangle, *models, _CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    inside = ((states == cv2.GC_FGD) | (states == cv2.GC_PR_FGD)).astype(np.float32)
    result = mask.copy()
    size = whole.shape[::-1]
    result[part] = cv2.resize(inside, size, interpolation=cv2.INTER_LINEAR) > 0.5
    result[fixed > 0] = True
    result[fixed < 0] = False
    return result


def _surroundings(mask: Mask, margin: int) -> tuple[slice, slice] | None:
    """Return the rows and columns of a mask and its margin; None of an empty one."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return (
        slice(max(0, rows[0] - margin), rows[-1] + margin + 1),
        slice(max(0, columns[0] - margin), columns[-1] + margin + 1),
    )


def _states(
    mask: Mask, fixed: NDArray[np.int8], radius: int, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return grabCut's states at a size (width, height): the band is open, all else is sure."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    filled = mask.astype(np.uint8)
    states = np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    states[cv2.erode(filled, disc) > 0] = cv2.GC_FGD
    states[cv2.dilate(filled, disc) == 0] = cv2.GC_BGD
    small = np.asarray(cv2.resize(states, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    for sign, state in ((1, cv2.GC_FGD), (-1, cv2.GC_BGD)):
        rows, columns = np.nonzero(fixed == sign)
        down, across = size[1] / mask.shape[0], size[0] / mask.shape[1]
        small[(rows * down).astype(int), (columns * across).astype(int)] = state
    return small
