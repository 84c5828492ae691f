"""Simulated clicks: where the next one goes, and how many it takes.

Start with an empty mask. The next click is at the pixel of a false region, missing or too much,
that lies furthest from the region's border; places already clicked are left out.

Shapes: H W pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.interactive.prompts import Click

MARKS = (0.85, 0.90)
"""The overlaps that clicks are counted to."""

Mask = NDArray[np.bool_]
Segment = Callable[[Sequence[Click]], Mask]
"""From all clicks so far to a mask (H, W) bool."""


@dataclass(frozen=True)
class ClickScores:
    """What the clicks on one object came to."""

    overlaps: tuple[float, ...]
    """IoU after each click."""
    seconds: float
    """For all clicks together, without the features."""

    def clicks_to(self, mark: float, most: int) -> int:
        """Return how many clicks reach an overlap; `most` where none does."""
        return next((n for n, v in enumerate(self.overlaps, 1) if v >= mark), most)


def next_click(truth: Mask, mask: Mask, allowed: Mask) -> Click | None:
    """Return the click at the centre of the larger false region.

    Args:
        truth: (H, W) bool, the object.
        mask: (H, W) bool, what is taken for it.
        allowed: (H, W) bool, False where there was a click already, or the truth is void.

    Returns:
        Positive where the object is missing; None where nothing that may be clicked is false.
    """
    missing = _depth(truth & ~mask) * allowed
    surplus = _depth(mask & ~truth) * allowed
    positive = bool(missing.max() > surplus.max())
    depth = missing if positive else surplus
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return Click(int(x), int(y), positive) if depth[y, x] > 0 else None


def _depth(region: Mask) -> NDArray[np.float32]:
    """Return each pixel's distance to the region's border; the frame's edge is one, too."""
    padded = np.pad(region, 1).astype(np.uint8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(depth[1:-1, 1:-1], np.float32)


def overlap(truth: Mask, mask: Mask, valid: Mask) -> float:
    """Return the intersection over union of two masks where the truth is not void."""
    both, either = (truth & mask & valid).sum(), ((truth | mask) & valid).sum()
    return float(both / either) if either else 1.0


def click_until(segment: Segment, truth: Mask, valid: Mask, most: int) -> ClickScores:
    """Click until the last mark is reached, `most` times at most.

    Args:
        segment: the method.
        truth: (H, W) bool.
        valid: (H, W) bool, False where the truth is void.
        most: clicks at most.
    """
    mask, allowed = np.zeros_like(truth), valid.copy()
    clicks: list[Click] = []
    overlaps: list[float] = []
    seconds = 0.0
    while len(clicks) < most:
        click = next_click(truth, mask & valid, allowed)
        if click is None:
            break
        clicks.append(click)
        allowed[click.y, click.x] = False
        start = time.perf_counter()
        mask = segment(clicks)
        seconds += time.perf_counter() - start
        overlaps.append(overlap(truth, mask, valid))
        if overlaps[-1] >= MARKS[-1]:
            break
    return ClickScores(tuple(overlaps), seconds)
