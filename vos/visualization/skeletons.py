"""Points drawn over frames: joints with their skeleton, tracks with their trails, the truth beside.

Shape letters: H W pixels, T frames, N points.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int]
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_SUBPIXEL_BITS = 4  # OpenCV's positions are whole numbers of 1/16 pixel
_ROWS_A_PIXEL = 240  # a line is one pixel wide for this many rows


def point_colors(count: int) -> list[Color]:
    """Return a bright RGB color for each of `count` points, neighbours in the list unlike."""
    if not count:
        return []
    hues = (np.arange(count) * 180 * 0.381966) % 180  # turns of the golden angle
    hsv = np.stack([hues, np.full(count, 220), np.full(count, 255)], -1).astype(np.uint8)
    rgb = cv2.cvtColor(hsv.reshape(1, -1, 3), cv2.COLOR_HSV2RGB).reshape(-1, 3)  # (1, N, 3)
    return [(int(r), int(g), int(b)) for r, g, b in rgb]


def draw_points(
    frame: NDArray[np.uint8],
    positions: NDArray[np.floating],
    *,
    visible: NDArray[np.bool_] | None = None,
    colors: Sequence[Color] | None = None,
    skeleton: Sequence[tuple[int, int]] = (),
    truth: NDArray[np.floating] | None = None,
) -> NDArray[np.uint8]:
    """Draw points as discs, joined by a skeleton; true positions as white rings, with the error.

    Args:
        frame: RGB (H, W, 3) uint8; it is not changed.
        positions: (N, 2), x and y in the frame's pixels; a point with NaN is left out.
        visible: (N,); points that are not are drawn as thin rings. None: all are.
        colors: RGB for each point.
        skeleton: pairs of points to join by a line.
        truth: (N, 2) like positions; NaN where it is not known.

    Returns:
        RGB (H, W, 3) uint8.

    Raises:
        ValueError: the shapes do not fit.
    """
    count = len(positions)
    if positions.shape != (count, 2) or (truth is not None and truth.shape != positions.shape):
        raise ValueError(f"expected positions and truth (N, 2), got {positions.shape}")
    colors = colors or point_colors(count)
    shown = np.ones(count, bool) if visible is None else visible
    result = frame.copy()
    width = max(1, round(frame.shape[0] / _ROWS_A_PIXEL))
    for a, b in skeleton:
        _line(result, positions[a], positions[b], _BLACK, width + 2)
        _line(result, positions[a], positions[b], colors[b], width)
    if truth is not None:
        for found, true in zip(positions, truth, strict=True):
            _line(result, found, true, _WHITE, width)
            _ring(result, true, 3 * width + 1, _BLACK, width + 2)
            _ring(result, true, 3 * width + 1, _WHITE, width)
    for place, color, seen in zip(positions, colors, shown, strict=True):
        if seen:
            _ring(result, place, 2 * width + 1, _BLACK, -1)
            _ring(result, place, 2 * width, color, -1)
        else:
            _ring(result, place, 2 * width, color, width)
    return result


def draw_trails(
    frame: NDArray[np.uint8],
    tracks: NDArray[np.floating],
    visible: NDArray[np.bool_],
    colors: Sequence[Color] | None = None,
) -> NDArray[np.uint8]:
    """Draw the way that points have come, and where they are now.

    Args:
        frame: RGB (H, W, 3) uint8; it is not changed.
        tracks: (T, N, 2), x and y in the frame's pixels; the last row is where they are now.
        visible: (T, N); the way is drawn between frames in which a point is visible.
        colors: RGB for each point.

    Returns:
        RGB (H, W, 3) uint8.
    """
    colors = colors or point_colors(tracks.shape[1])
    result = frame.copy()
    width = max(1, round(frame.shape[0] / _ROWS_A_PIXEL))
    for t in range(1, len(tracks)):
        for number in np.flatnonzero(visible[t] & visible[t - 1]).tolist():
            _line(result, tracks[t - 1, number], tracks[t, number], colors[number], width)
    return draw_points(result, tracks[-1], visible=visible[-1], colors=colors)


def _drawable(place: NDArray[np.floating]) -> bool:
    """Say whether a position is known and not so far out that it has no whole number."""
    return bool(np.isfinite(place).all() and np.abs(place).max() < 1e5)


def _fixed(place: NDArray[np.floating]) -> tuple[int, int]:
    scale = 1 << _SUBPIXEL_BITS
    return round(float(place[0]) * scale), round(float(place[1]) * scale)


def _line(
    image: NDArray[np.uint8],
    start: NDArray[np.floating],
    end: NDArray[np.floating],
    color: Color,
    width: int,
) -> None:
    if _drawable(start) and _drawable(end):
        cv2.line(image, _fixed(start), _fixed(end), color, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _ring(
    image: NDArray[np.uint8], place: NDArray[np.floating], radius: int, color: Color, width: int
) -> None:
    """Draw a circle; a disc where the width is negative."""
    if _drawable(place):
        fixed = radius << _SUBPIXEL_BITS
        cv2.circle(image, _fixed(place), fixed, color, width, cv2.LINE_AA, _SUBPIXEL_BITS)
