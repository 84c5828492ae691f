"""Points through frames at hand, in both directions.

Shapes: N points, T frames, H W pixels of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.tracking.point_tracker import PointTracker


@dataclass(frozen=True)
class Tracks:
    """Positions of points in all frames of a video."""

    xy: NDArray[np.float64]
    """(N, T, 2) in the frames' pixels; NaN where a point has no position."""
    visible: NDArray[np.bool_]
    """(N, T)"""
    confidence: NDArray[np.float64]
    """(N, T)"""


def track_points(
    tracker: PointTracker,
    frames: Sequence[NDArray[np.uint8]],
    queries: NDArray[np.float64],
    *,
    backward: bool = True,
    on_frame: Callable[[int, int], None] | None = None,
) -> Tracks:
    """Follow points through all frames of a video, from the frames that they are given for.

    Args:
        tracker: is reset, once for each direction.
        frames: T frames, RGB uint8 (H, W, 3); anything that has a length and gives them by number.
        queries: (N, 3) frame, x and y.
        backward: go to the frames before a query too; if not, the point has no position there.
        on_frame: called after each frame with (frames done, frames to do).

    Raises:
        InputError: a query is no such row, or for a frame that there is not; a frame is unfit.
    """
    given = _checked_queries(queries, len(frames))
    numbers = given[:, 0].astype(np.int64)
    tracks = Tracks(
        np.full((len(given), len(frames), 2), np.nan),
        np.zeros((len(given), len(frames)), bool),
        np.zeros((len(given), len(frames))),
    )
    if not len(given):
        return tracks
    passes = [range(int(numbers.min()), len(frames))]
    if backward and numbers.max() > 0:
        passes.append(range(int(numbers.max()), -1, -1))
    total, done = sum(map(len, passes)), 0
    for order in passes:
        tracker.reset()
        followed = np.zeros(0, np.int64)  # numbers of the queries, in the tracker's order
        for t in order:
            new = np.flatnonzero(numbers == t)
            positions = tracker.step(frames[t], given[new, 1:] if len(new) else None)
            followed = np.concatenate([followed, new])
            tracks.xy[followed, t] = positions.xy
            tracks.visible[followed, t] = positions.visible
            tracks.confidence[followed, t] = positions.confidence
            done += 1
            if on_frame is not None:
                on_frame(done, total)
    return tracks


def _checked_queries(queries: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    given = np.array(queries, np.float64)
    if given.ndim != 2 or given.shape[1] != 3:
        raise InputError(
            f"queries have shape {given.shape}; expected a row of frame, x and y for each"
        )
    numbers = given[:, 0]
    outside = (numbers != np.floor(numbers)) | (numbers < 0) | (numbers >= count)  # True for NaN
    outside |= ~np.isfinite(numbers)
    if outside.any():
        wrong = ", ".join(f"{n:g}" for n in numbers[outside][:3])
        raise InputError(
            f"points are given for frames {wrong}; expected whole numbers from 0 to {count - 1}"
        )
    return given
