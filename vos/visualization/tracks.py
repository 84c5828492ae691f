"""Points and their tails drawn over frames.

Shapes: H W pixels, N points, K positions of a tail.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.visualization.sheets import FONT

_RADIUS_AT = 160  # a point's radius is one pixel per this many rows
_GOLDEN = 0.6180339887  # steps of the hue that never come back to a colour
SHIFT = 4
"""Fractional bits of the coordinates that OpenCV draws at."""


def point_color(number: int) -> tuple[int, int, int]:
    """Return a bright RGB colour for the point of a number from 0."""
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN % 1, 0.85, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_tracks(
    frame: NDArray[np.uint8],
    xy: NDArray[np.float64],
    visible: NDArray[np.bool_],
    tails: Sequence[NDArray[np.float64]] = (),
    *,
    names: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """Draw points over a frame: a disc where a point is visible, a ring where it is not.

    Args:
        frame: RGB (H, W, 3) uint8; it is not changed.
        xy: (N, 2) positions in pixels; NaN where a point has none.
        visible: (N,).
        tails: earlier positions, (N, 2) each, oldest first; NaN breaks a tail, and so does a point
            that is not visible now.
        names: written beside the points; none are written if it is empty.

    Returns:
        RGB (H, W, 3) uint8.
    """
    image = frame.copy()
    radius = max(2, round(frame.shape[0] / _RADIUS_AT))
    trail = [*tails, np.where(visible[:, None], xy, np.nan)]
    for number in range(len(xy)):
        color = point_color(number)
        _draw_tail(image, np.stack([step[number] for step in trail]), color, max(1, radius // 2))
        if not np.isfinite(xy[number]).all():
            continue
        thickness = cv2.FILLED if visible[number] else max(1, radius // 2)
        place, size = fixed_point(xy[number]), radius << SHIFT
        edge = size + (1 << SHIFT)
        if visible[number]:
            cv2.circle(image, place, edge, (0, 0, 0), cv2.FILLED, cv2.LINE_AA, SHIFT)
        cv2.circle(image, place, size, color, thickness, cv2.LINE_AA, SHIFT)
        if names:
            _write_name(image, names[number], xy[number], radius, color)
    return image


def _draw_tail(
    image: NDArray[np.uint8],
    places: NDArray[np.float64],
    color: tuple[int, int, int],
    thickness: int,
) -> None:
    """Draw lines between positions (K, 2), darker the older they are."""
    count = len(places) - 1
    for step, (begin, end) in enumerate(pairwise(places), start=1):
        if np.isfinite(begin).all() and np.isfinite(end).all():
            shade = 0.3 + 0.7 * step / count
            faded = tuple(round(shade * value) for value in color)
            cv2.line(
                image,
                fixed_point(begin),
                fixed_point(end),
                faded,
                thickness,
                cv2.LINE_AA,
                SHIFT,
            )


def _write_name(
    image: NDArray[np.uint8],
    name: str,
    place: NDArray[np.float64],
    radius: int,
    color: tuple[int, int, int],
) -> None:
    scale = max(0.35, image.shape[0] / 1000)
    corner = (round(float(place[0])) + 2 * radius, round(float(place[1])) - radius)
    cv2.putText(image, name, corner, FONT, scale, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, name, corner, FONT, scale, color, 1, cv2.LINE_AA)


def fixed_point(place: NDArray[np.floating]) -> tuple[int, int]:
    """Return a position (2,) as OpenCV's numbers with `SHIFT`; far ones are clipped."""
    x, y = np.clip(place, -1e5, 1e5) * (1 << SHIFT)
    return round(float(x)), round(float(y))
