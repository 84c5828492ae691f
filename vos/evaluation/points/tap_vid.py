"""TAP-Vid's figures: occlusion accuracy, positions within thresholds, average Jaccard.

C. Doersch et al. 2022, "TAP-Vid: A Benchmark for Tracking Any Point in a Video" (arXiv 2211.03726).

Shape letters: T frames, N tracks, Q queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError

Mode = Literal["first", "strided"]
THRESHOLDS = (1, 2, 4, 8, 16)
"""Pixels at 256 x 256."""
SIZE = (256, 256)
QUERY_STRIDE = 5


@dataclass(frozen=True)
class Queries:
    """Points to track, and the truth of each one's track."""

    points: NDArray[np.float64]
    """(Q, 3): frame, y, x."""
    target_points: NDArray[np.float64]
    """(Q, T, 2): x, y."""
    target_occluded: NDArray[np.bool_]
    """(Q, T)"""
    tracks: NDArray[np.int64]
    """(Q,): which track a query is a point of."""
    mode: Mode

    def __len__(self) -> int:
        """Return Q."""
        return len(self.points)

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which frames (Q, T) count: those after the query (first), or all others (strided)."""
        frames = np.arange(self.target_points.shape[1])
        starts = self.points[:, :1]
        return frames > starts if self.mode == "first" else frames != starts


def make_queries(
    positions: NDArray[np.floating],
    occluded: NDArray[np.bool_],
    mode: Mode,
    stride: int = QUERY_STRIDE,
) -> Queries:
    """Choose the points to track.

    first: each track's first visible frame; tracks that are never visible are left out. strided:
    all tracks that are visible in frame 0, then in frame 5, 10 and so on.

    Args:
        positions: (N, T, 2): x, y in pixels.
        occluded: (N, T).
        mode: which frames give queries.
        stride: frames between queries, of strided.
    """
    if mode == "first":
        tracks = np.flatnonzero(~occluded.all(1))
        frames = (~occluded[tracks]).argmax(1)
    else:
        pairs = [
            (track, frame)
            for frame in range(0, occluded.shape[1], stride)
            for track in np.flatnonzero(~occluded[:, frame])
        ]
        both = np.array(pairs, np.int64).reshape(-1, 2)
        tracks, frames = both[:, 0], both[:, 1]
    exact = positions.astype(np.float64)
    x, y = exact[tracks, frames].T
    points = np.stack([frames, y, x], 1).astype(np.float64)
    return Queries(points, exact[tracks], occluded[tracks], tracks.astype(np.int64), mode)


@dataclass(frozen=True)
class TapVidScore:
    """Figures of one video, 0 to 1; NaN where there is nothing to score."""

    figures: Mapping[str, float]
    """occlusion_accuracy, pts_within_x and jaccard_x for each threshold x, average_jaccard and
    average_pts_within_thresh."""
    per_query: Mapping[str, NDArray[np.float64]]
    """The same figures of each query alone, (Q,)."""


def score_tap_vid(
    queries: Queries,
    predicted_points: NDArray[np.floating],
    predicted_occluded: NDArray[np.bool_],
    thresholds: Sequence[float] = THRESHOLDS,
) -> TapVidScore:
    """Score the tracks of one video.

    Args:
        queries: the points that were tracked.
        predicted_points: (Q, T, 2): x, y in the pixels of the queries.
        predicted_occluded: (Q, T).
        thresholds: in pixels.

    Raises:
        InputError: the shapes are not those of the queries.
    """
    expected = queries.target_points.shape
    if predicted_points.shape != expected or predicted_occluded.shape != expected[:2]:
        raise InputError(
            f"tracks of shape {predicted_points.shape}, occlusion {predicted_occluded.shape}; "
            f"expected {expected} and {expected[:2]}"
        )
    counts = _counts(queries, predicted_points, predicted_occluded, thresholds)
    pooled = {name: (a.sum(), b.sum()) for name, (a, b) in counts.items()}
    figures = {name: float(value) for name, value in _with_averages(pooled, thresholds).items()}
    return TapVidScore(figures, _with_averages(counts, thresholds))


def mean_scores(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each figure over videos; videos with nothing to score are left out."""
    means = {}
    for name in scores[0] if scores else ():
        values = np.array([score[name] for score in scores])
        known = values[~np.isnan(values)]
        means[name] = float(known.mean()) if len(known) else float("nan")
    return means


Counts = dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]


def _counts(
    queries: Queries,
    points: NDArray[np.floating],
    occluded: NDArray[np.bool_],
    thresholds: Sequence[float],
) -> Counts:
    """Count for each figure what its ratio is of, for each query (Q,)."""
    counted = queries.counted
    visible = ~queries.target_occluded
    pred_visible = ~occluded

    def total(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.count_nonzero(which & counted, axis=1)

    same = occluded == queries.target_occluded
    counts: Counts = {"occlusion_accuracy": (total(same), total(np.ones_like(counted)))}
    squared = np.square(points - queries.target_points).sum(-1)
    for x in thresholds:
        near = squared < x * x  # NaN is never near
        right = near & visible
        counts[f"pts_within_{x}"] = (total(right), total(visible))
        true_positive = total(right & pred_visible)
        false_positive = total(pred_visible & ~right)
        counts[f"jaccard_{x}"] = (true_positive, total(visible) + false_positive)
    return counts


def _with_averages(
    counts: Mapping[str, tuple[np.ndarray, np.ndarray]], thresholds: Sequence[float]
) -> dict[str, np.ndarray]:
    with np.errstate(invalid="ignore"):
        figures = {name: np.divide(part, whole) for name, (part, whole) in counts.items()}
    for average, stem in (("average_jaccard", "jaccard"),
                          ("average_pts_within_thresh", "pts_within")):  # fmt: skip
        figures[average] = np.mean([figures[f"{stem}_{x}"] for x in thresholds], axis=0)
    return figures
