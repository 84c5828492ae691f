"""How well the confidence of masks ranks frames by their true J."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vos.evaluation.scores import ObjectScore

_POOR = 0.5
_LEAST_SURE = 10  # one frame in so many


@dataclass(frozen=True)
class Ranking:
    """How well a confidence orders frames; None where there is nothing to order."""

    frames: int
    """Scored frames, those of each object counted."""
    rank_correlation: float | None
    """Spearman's, of confidence and J over all frames."""
    within_objects: float | None
    """The mean of the same over the frames of each object by itself."""
    poor_frames: int
    """Frames with J below .5."""
    poor_caught: float | None
    """Share of them that are among the least sure tenth of all frames."""
    poor_catchable: float | None
    """What that share would be at best, as a tenth of the frames may be fewer than the poor."""


def rank_objects(
    objects: Sequence[ObjectScore], confidence: Mapping[tuple[str, int, str], float]
) -> Ranking:
    """Compare the confidence of masks with their J.

    Args:
        objects: the scores.
        confidence: (sequence, object id, frame) -> how sure the mask is; frames without one, as
            those before an object's prompt, are left out.
    """
    pairs = []
    for score in objects:
        keys = [(score.sequence, score.object_id, frame) for frame in score.frames]
        known = np.array([key in confidence for key in keys], bool)
        sure = np.array([confidence[key] for key in keys if key in confidence], np.float64)
        pairs.append((sure, score.j_frames[known]))
    return rank_frames(pairs)


def rank_frames(
    pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> Ranking:
    """Compare confidence with J.

    Args:
        pairs: of each object, (T,) confidence and (T,) J of its T frames.
    """
    sure = np.concatenate([np.empty(0), *(c for c, _ in pairs)])
    scores = np.concatenate([np.empty(0), *(j for _, j in pairs)])
    within = [r for r in (_spearman(c, j) for c, j in pairs) if r is not None]
    poor = scores < _POOR
    least = np.argsort(sure, kind="stable")[: len(sure) // _LEAST_SURE]
    count = int(poor.sum())
    return Ranking(
        len(sure),
        _spearman(sure, scores),
        float(np.mean(within)) if within else None,
        count,
        float(poor[least].sum() / count) if count else None,
        min(1.0, len(least) / count) if count else None,
    )


def _spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Return Spearman's rank correlation; None where one of the two is the same everywhere."""
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    from scipy.stats import spearmanr  # here, as it takes a second to load

    return float(spearmanr(one, other).statistic)
