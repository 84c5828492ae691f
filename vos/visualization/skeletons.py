"""Joints drawn over frames: their skeleton, and the truth beside.

Shape letters: H W pixels, N points.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.visualization.tracks import SHIFT, draw_tracks, fixed_point, point_color

Color = tuple[int, int, int]
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_ROWS_A_PIXEL = 240  # a line is one pixel wide for this many rows


def draw_joints(
    frame: NDArray[np.uint8],
    positions: NDArray[np.floating],
    visible: NDArray[np.bool_],
    skeleton: Sequence[tuple[int, int]],
    truth: NDArray[np.floating] | None = None,
) -> NDArray[np.uint8]:
    """Draw points joined by a skeleton; true positions as white rings, with the error as a line.

    Args:
        frame: RGB (H, W, 3) uint8; it is not changed.
        positions: (N, 2), x and y in the frame's pixels; a point with NaN is left out.
        visible: (N,); see `vos.visualization.tracks.draw_tracks`.
        skeleton: pairs of points to join by a line.
        truth: (N, 2) like positions; NaN where it is not known.

    Returns:
        RGB (H, W, 3) uint8.

    Raises:
        ValueError: the shapes do not fit.
    """
    result = frame.copy() if truth is None else draw_truth(frame, positions, truth)
    width = _width(frame)
    for a, b in skeleton:
        _line(result, positions[a], positions[b], _BLACK, width + 2)
        _line(result, positions[a], positions[b], point_color(b), width)
    return draw_tracks(result, positions.astype(np.float64), visible)


def draw_truth(
    frame: NDArray[np.uint8], positions: NDArray[np.floating], truth: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Draw a white ring at each true position (N, 2), and a line to the predicted one (N, 2).

    Raises:
        ValueError: the shapes do not fit.
    """
    if positions.ndim != 2 or truth.shape != positions.shape:
        raise ValueError(f"positions {positions.shape}, truth {truth.shape}: expected (N, 2) twice")
    result = frame.copy()
    width = _width(frame)
    for found, true in zip(positions, truth, strict=True):
        if not _drawable(true):
            continue
        _line(result, found, true, _WHITE, width)
        for color, thickness in ((_BLACK, width + 2), (_WHITE, width)):
            radius = (3 * width + 2) << SHIFT
            cv2.circle(result, fixed_point(true), radius, color, thickness, cv2.LINE_AA, SHIFT)
    return result


def _width(frame: NDArray[np.uint8]) -> int:
    return max(1, round(frame.shape[0] / _ROWS_A_PIXEL))


def _drawable(place: NDArray[np.floating]) -> bool:
    """Say whether a position is known, and not too far out for OpenCV's numbers."""
    return bool(np.isfinite(place).all() and np.abs(place).max() < 1e5)


def _line(
    image: NDArray[np.uint8],
    start: NDArray[np.floating],
    end: NDArray[np.floating],
    color: Color,
    width: int,
) -> None:
    if _drawable(start) and _drawable(end):
        cv2.line(image, fixed_point(start), fixed_point(end), color, width, cv2.LINE_AA, SHIFT)
