"""Outlines of masks as polygons that give back the same pixels.

An outline runs along the edges of the pixels, a sixteenth of a pixel inside of the object. Filled
by any of the usual rules it is the mask again, to the pixel: by pixel centres (pycocotools, CVAT),
with the outline drawn on it (OpenCV, Pillow), and with coordinates cut to whole ones (Ultralytics).
A hole is joined to the outline by a line of no width, there and back over pixels of the object.

Shape letters: H W pixels, N points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

_INSET = 1 / 16
"""Pixels that an outline lies inside of the object: the least step of OpenCV's drawing here."""
Integers = NDArray[np.int64]


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
    parents = tree[0, :, 3]  # (1, contours, 4): the outer contour of each hole, -1 of outer ones
    loops = _Loops(contours, doubled)
    holes = np.flatnonzero(parents >= 0)
    if len(holes):
        loops.join(holes, np.flatnonzero(parents < 0), doubled)
    counts = np.bincount(parents[holes], minlength=len(parents))
    corners, points = loops.corners(), loops.points
    pieces = []
    for loop in np.flatnonzero(parents < 0).tolist():
        nodes = loops.nodes(loop, joined=bool(counts[loop]))
        path = points[nodes[corners[nodes]]]
        pieces.append(_outline(path, np.array([left, top]), int(counts[loop])))
    return sorted(pieces, key=lambda piece: -piece.area)


class _Loops:
    """Closed paths on a grid of half pixels, as nodes that know the next and the one before.

    Each step goes to one of the four neighbours, by way of the object's pixel where the contour
    steps diagonally; where there is none, as at the corners of two pixels, it stays diagonal.

    Args:
        contours: of OpenCV, with all points.
        inside: uint8 (2H, 2W).
    """

    def __init__(self, contours: Sequence[NDArray[np.generic]], inside: NDArray[np.uint8]) -> None:
        path: Integers = np.concatenate(contours)[:, 0].astype(np.int64)  # (N, 1, 2) -> (N, 2)
        first, lengths = _starts([len(contour) for contour in contours])
        step = path[_following(first, lengths)]
        ways = np.stack([path[:, 0], step[:, 1]], 1), np.stack([step[:, 0], path[:, 1]], 1)
        by_one, by_other = (inside[way[:, 1], way[:, 0]] > 0 for way in ways)
        turns = (np.abs(path - step).sum(1) == 2) & (by_one | by_other)
        both = np.stack([path, np.where(by_one[:, None], *ways)], 1).reshape(-1, 2)
        kept = np.stack([np.ones(len(path), bool), turns], 1).ravel()
        self.points: Integers = both[kept]
        """(N, 2) x and y of the nodes."""
        self._first, self._lengths = _starts(np.add.reduceat(1 + turns, first))
        self._next = _following(self._first, self._lengths)

    def join(self, holes: Integers, outer: Integers, inside: NDArray[np.uint8]) -> None:
        """Join each hole to a loop by the straight way up from its uppermost point.

        The way ends at the outline, or at a hole that begins further up and is joined already.
        """
        node_at = np.empty(inside.shape, np.int32)  # read where it was written alone
        for loop in outer:
            self._mark(node_at, loop)
        starts = {loop: self._uppermost(loop) for loop in holes.tolist()}
        following = self._next.tolist()
        before = _inverse(self._next)
        copies: list[Integers] = []
        for loop, start in sorted(starts.items(), key=lambda item: self.points[item[1], 1]):
            x, y = self.points[start]
            outside_above = np.flatnonzero(inside[: y + 1, x] == 0)
            end = int(node_at[outside_above[-1] + 1 if len(outside_above) else 0, x])
            start_again, end_again = len(following), len(following) + 1
            following += [end_again, following[end]]
            following[end] = start
            following[int(before[start])] = start_again
            copies += [self.points[start], self.points[end]]
            self._mark(node_at, loop)
        self.points = np.concatenate([self.points, copies])
        self._next = np.array(following)

    def corners(self) -> NDArray[np.bool_]:
        """Say at which nodes the way turns."""
        after = np.sign(self.points[self._next] - self.points)
        before = np.empty_like(after)
        before[self._next] = after
        return np.asarray((before != after).any(1))

    def nodes(self, loop: int, *, joined: bool) -> Integers:
        """Return the nodes of a loop in order, with what is joined to it."""
        first = int(self._first[loop])
        if not joined:
            return np.arange(first, first + self._lengths[loop])
        following, nodes = self._steps, [first]
        while (node := following[nodes[-1]]) != first:
            nodes.append(node)
        return np.array(nodes)

    @cached_property
    def _steps(self) -> list[int]:
        """The next node of each, once all holes are joined: lists are quick to walk along."""
        return list(self._next.tolist())

    def _mark(self, node_at: NDArray[np.int32], loop: int) -> None:
        nodes = self.nodes(loop, joined=False)
        x, y = self.points[nodes].T
        node_at[y, x] = nodes

    def _uppermost(self, loop: int) -> int:
        """Return the first node of the uppermost ones."""
        return int(self._first[loop] + self.points[self.nodes(loop, joined=False), 1].argmin())


def _starts(lengths: Sequence[int] | Integers) -> tuple[Integers, Integers]:
    """Return the first place of each of several rows that lie behind each other, and lengths."""
    sizes = np.asarray(lengths, np.int64)
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes


def _following(first: Integers, lengths: Integers) -> Integers:
    """Return the place after each place, the first one after the last of a row."""
    following = np.arange(1, lengths.sum() + 1)
    following[first + lengths - 1] = first
    return following


def _inverse(following: Integers) -> Integers:
    """Return the place before each place."""
    before = np.empty_like(following)
    before[following] = np.arange(len(following))
    return before


def _outline(path: Integers, offset: Integers, holes: int) -> Outline:
    """Give corners (N, 2) on the grid of half pixels in pixels, inset."""
    inset = np.where(path % 2 == 0, _INSET, 1 - _INSET)
    points: NDArray[np.float64] = (path // 2 + offset).astype(np.float64) + inset
    x, y = points.T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return Outline(points, area, holes)
