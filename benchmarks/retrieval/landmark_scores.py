"""Scores of landmark retrieval: both protocols of each dataset, as rows, as JSON and as text.

Shapes: N images of the database, Q queries, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from benchmarks.reporting.benchmark_run import Row
from benchmarks.reporting.published_figures import RETRIEVAL_SETS
from benchmarks.retrieval.landmark_sets import Landmarks
from benchmarks.retrieval.rankings import RetrievalScore, rank_database, score_rankings

_PROTOCOLS = ("medium", "hard")


def evaluate_landmarks(
    database: Tensor, queries: Tensor, landmarks: Landmarks
) -> dict[str, RetrievalScore]:
    """Rank the database (N, D) for each query (Q, D) and score both protocols."""
    similarity = F.normalize(database, dim=1) @ F.normalize(queries, dim=1).T
    ranking = rank_database(similarity.numpy())
    return {
        protocol: score_rankings(ranking, landmarks.truths, protocol) for protocol in _PROTOCOLS
    }


def table_rows(scores: Mapping[str, Mapping[str, RetrievalScore]], name: str) -> list[Row]:
    """Return mAP in percent: a row in the published columns, and one for each other set."""
    figures = [
        100 * scores[dataset][protocol].mean_ap if dataset in scores else None
        for dataset in RETRIEVAL_SETS
        for protocol in _PROTOCOLS
    ]
    rows: list[Row] = [(name, figures)] if any(f is not None for f in figures) else []
    for dataset, by_protocol in scores.items():
        if dataset not in RETRIEVAL_SETS:
            medium, hard = (100 * by_protocol[protocol].mean_ap for protocol in _PROTOCOLS)
            text = f"{name}, {dataset}: M {medium:.1f}, H {hard:.1f}"
            rows.append((text, [None] * len(figures)))
    return rows


def as_results(
    scores: Mapping[str, Mapping[str, RetrievalScore]], opened: list[Landmarks]
) -> dict[str, Any]:
    """Return all scores ready for JSON, from 0 to 1."""
    return {
        landmarks.name: {
            "database": len(landmarks.database),
            "queries": len(landmarks.queries),
            **{p: asdict(score) for p, score in scores[landmarks.name].items()},
        }
        for landmarks in opened
    }


def sizes_text(opened: Sequence[Landmarks]) -> str:
    """Return the sizes of the datasets in words."""
    return ", ".join(
        f"{o.name}, {len(o.queries)} queries in {len(o.database)} images" for o in opened
    )


def report(scores: Mapping[str, Mapping[str, RetrievalScore]], table: str) -> None:
    """Print the scores and the table."""
    for name, by_protocol in scores.items():
        for protocol, score in by_protocol.items():
            at = "  ".join(f"mP@{k} {100 * p:.2f}" for k, p in score.precision_at.items())
            print(f"{name} {protocol}: mAP {100 * score.mean_ap:.2f}  {at}")
    print(f"\n{table}", end="")
