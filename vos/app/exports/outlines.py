"""Outlines of masks as polygons that give back the same pixels.

An outline runs along the edges of the pixels, a sixteenth of a pixel inside of the object. Filled
by any of the usual rules it is the mask again, to the pixel: by pixel centres (pycocotools, CVAT),
with the outline drawn on it (OpenCV, Pillow), and with coordinates cut to whole ones (Ultralytics).
A hole is joined to the outline by a line of no width, there and back over pixels of the object.

Shape letters: H W pixels, N points.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_INSET = 1 / 16
"""Pixels that an outline lies inside of the object: the least step of OpenCV's drawing here."""
Path = NDArray[np.int64]
"""(N, 2) x and y on a grid of half pixels, each step to one of the four neighbours."""


@dataclass(frozen=True, eq=False)
class Outline:
    """One piece of an object: pixels that touch each other, also at corners."""

    points: NDArray[np.float64]
    """(N, 2) x and y in pixels; the upper left pixel reaches from 0 to 1. The last point is joined
    to the first one."""
    area: float
    """Pixels inside, less what the inset takes."""
    holes: int
    """Holes that are joined to the outline."""


def outlines(inside: NDArray[np.bool_]) -> list[Outline]:
    """Return the outlines of a map's pieces, the largest first.

    Args:
        inside: bool (H, W).
    """
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))
    if not width:
        return []
    part = inside[top : top + height, left : left + width].view(np.uint8)
    doubled = np.ascontiguousarray(part.repeat(2, axis=0).repeat(2, axis=1))
    contours, tree = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    paths = [_four_connected(np.asarray(c[:, 0], np.int64), doubled) for c in contours]
    parents = tree[0][:, 3].tolist()  # (1, contours, 4) -> the outer contour of each hole
    outer = {place: path for place, path in enumerate(paths) if parents[place] < 0}
    counts = dict.fromkeys(outer, 0)
    holes = [place for place in range(len(paths)) if parents[place] >= 0]
    for place in sorted(holes, key=lambda place: int(paths[place][:, 1].min())):
        parent = parents[place]
        outer[parent] = _joined(outer[parent], paths[place], doubled)
        counts[parent] += 1
    offset = np.array([left, top])
    pieces = [_outline(path, offset, counts[place]) for place, path in outer.items()]
    return sorted(pieces, key=lambda piece: -piece.area)


def _four_connected(path: Path, inside: NDArray[np.uint8]) -> Path:
    """Go around by way of the object's pixel where a step is diagonal, if there is one."""
    following = np.roll(path, -1, axis=0)
    diagonal = np.abs(path - following).sum(1) == 2
    ways = np.stack([path[:, 0], following[:, 1]], 1), np.stack([following[:, 0], path[:, 1]], 1)
    first, second = (inside[way[:, 1], way[:, 0]] > 0 for way in ways)
    between = np.where(first[:, None], *ways)
    both = np.stack([path, between], 1).reshape(-1, 2)  # (N, 2, 2) -> (2N, 2)
    kept = np.stack([np.ones(len(path), bool), diagonal & (first | second)], 1).ravel()
    return np.asarray(both[kept])


def _joined(outline: Path, hole: Path, inside: NDArray[np.uint8]) -> Path:
    """Join a hole to an outline by the straight way up from its uppermost point.

    The way ends at the outline or at a hole that begins further up, which is joined already.
    """
    start = int(np.lexsort((hole[:, 0], hole[:, 1]))[0])
    x, y = hole[start]
    outside_above = np.flatnonzero(inside[: y + 1, x] == 0)
    end = (x, outside_above[-1] + 1 if len(outside_above) else 0)
    place = int(np.flatnonzero((outline == end).all(1))[0])
    turned = np.roll(hole, -start, axis=0)
    return np.concatenate([outline[: place + 1], turned, turned[:1], outline[place:]])


def _outline(path: Path, offset: NDArray[np.int64], holes: int) -> Outline:
    """Keep the corners alone and give them in pixels."""
    before = np.sign(path - np.roll(path, 1, axis=0))
    after = np.sign(np.roll(path, -1, axis=0) - path)
    corners = path[(before != after).any(1)]
    inset = np.where(corners % 2 == 0, _INSET, 1 - _INSET)
    points = corners // 2 + inset + offset
    x, y = points.T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return Outline(points, area, holes)
