"""How sure the difference of two runs on the same sequences is.

B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentiles).

Shape letters: S sequences, R resamples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def paired_interval(
    differences: Iterable[Sequence[float]],
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return an interval of the mean difference over all objects.

    Whole sequences are drawn with replacement: the objects of one share its difficulty, so they
    are no independent draws.

    Args:
        differences: for each sequence the differences of its objects.
        level: the share of resamples that lie inside, half of the others on each side.
        resamples: how often to draw.
        seed: of the random draws; the same seed gives the same interval.

    Returns:
        (low, high), or None if there are fewer than two sequences.
    """
    groups = [np.asarray(group, float) for group in differences]
    if len(groups) < 2:
        return None
    sums = np.array([group.sum() for group in groups])
    counts = np.array([len(group) for group in groups])
    resampled = np.random.default_rng(seed).integers(0, len(groups), (resamples, len(groups)))
    means = sums[resampled].sum(1) / counts[resampled].sum(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
