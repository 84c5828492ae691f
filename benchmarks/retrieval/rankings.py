"""Scores of retrieval by ranking (revisited Oxford and Paris; Caron et al. 2021, Table 3).

F. Radenovic et al., CVPR 2018. Shapes: N images of the database, Q queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval.average_precision import average_precision
from vos.errors import InputError

CUTOFFS = (1, 5, 10)
Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """What a query should find: indexes into the database."""

    easy: Indexes
    hard: Indexes
    junk: Indexes

    def medium(self) -> tuple[Indexes, Indexes]:
        """Return (positives, ignored) of the Medium protocol."""
        return np.concatenate([self.easy, self.hard]), self.junk

    def hard_only(self) -> tuple[Indexes, Indexes]:
        """Return (positives, ignored) of the Hard protocol."""
        return self.hard, np.concatenate([self.junk, self.easy])


@dataclass(frozen=True)
class RetrievalScore:
    """Scores of one protocol, from 0 to 1; queries without positives are left out of the means."""

    mean_ap: float
    precision_at: dict[int, float]
    """mP@k by k."""
    aps: list[float | None]
    """Average precision by query; None for a query without positives."""


def rank_database(similarity: NDArray[np.float32]) -> Indexes:
    """Return the database in the order of falling similarity, for each query.

    Args:
        similarity: (N, Q).

    Returns:
        (N, Q) indexes; ties keep the database's order.
    """
    return np.argsort(-similarity, axis=0, kind="stable")


def score_rankings(
    ranking: Indexes,
    truths: Sequence[Truth],
    protocol: str,
    cutoffs: Sequence[int] = CUTOFFS,
) -> RetrievalScore:
    """Score a ranking by the protocol `medium` or `hard`.

    Ignored images are taken out of the ranking, so that they cost no place. mP@k looks at the
    first k places, or at as many as the last positive needs if that is fewer.

    Args:
        ranking: (N, Q) indexes into the database, best first.
        truths: one a query.
        protocol: `medium` (easy and hard are positives, junk is ignored) or `hard` (hard ones are
            positives, easy and junk are ignored).
        cutoffs: the k of mP@k.

    Raises:
        InputError: no query has a positive, or the truth is not of this ranking.
    """
    if ranking.shape[1] != len(truths):
        raise InputError(f"{ranking.shape[1]} queries were ranked, the truth has {len(truths)}")
    aps: list[float | None] = []
    precisions = []
    for query, truth in enumerate(truths):
        positives, ignored = truth.medium() if protocol == "medium" else truth.hard_only()
        if not len(positives):
            aps.append(None)
            continue
        kept = ranking[:, query][~np.isin(ranking[:, query], ignored)]
        places = np.flatnonzero(np.isin(kept, positives))
        if len(places) != len(np.unique(positives)):
            raise InputError(
                f"query {query}: its truth names images that the database of {len(ranking)} lacks"
            )
        aps.append(average_precision(places, len(positives)))
        reach = [min(k, int(places[-1]) + 1) for k in cutoffs]
        precisions.append([float((places < k).sum()) / k for k in reach])
    if not precisions:
        raise InputError(f"no query has a positive under the {protocol} protocol")
    means = np.mean(precisions, axis=0).tolist()
    known = [ap for ap in aps if ap is not None]
    return RetrievalScore(float(np.mean(known)), dict(zip(cutoffs, means, strict=True)), aps)
