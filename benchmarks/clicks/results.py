"""The figures of a run of clicks: means over all objects of all frames taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.clicks.protocol import MARKS, ClickScores
from benchmarks.reporting.published_clicks import CLICKS
from vos.datasets.dataset import Dataset

_Rows = Sequence[Mapping[str, Any]]


def results_of(
    dataset: Dataset, settings: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the contents of `results.json`.

    Args:
        dataset: what was measured.
        settings: the run's.
        records: for each sequence its name and its rows, one an object, frame and method.
    """
    most = settings["measurement"]["most"]
    rows = [row for record in records for row in record["rows"]]
    names = list(dict.fromkeys(row["method"] for row in rows))
    methods = {name: figures_of([r for r in rows if r["method"] == name], most) for name in names}
    count = methods[names[0]]["objects"] if names else 0
    frames = f"every {settings['measurement']['every']}th annotated frame"
    sequences = f"{len(dataset.sequences)} sequences"
    return {
        "state": "complete",
        "benchmark": "clicks",
        "table": CLICKS.label,
        "data": f"{dataset.name}, {dataset.subset}, {sequences}, {frames}, {count} objects; the "
        "published figures are of all of DAVIS",
        "dataset": dataset.name,
        "set": dataset.subset,
        "rules": {**settings["measurement"], "marks": list(MARKS)},
        "methods": methods,
        "by_sequence": {
            record["name"]: {
                name: figures_of([r for r in record["rows"] if r["method"] == name], most)
                for name in names
            }
            for record in records
            if record["rows"]
        },
        "rows": [
            {"name": name, "figures": [figures[f"clicks_to_{mark:.2f}"] for mark in MARKS]}
            for name, figures in methods.items()
        ],
        "published": asdict(CLICKS),
    }


def figures_of(rows: _Rows, most: int) -> dict[str, Any]:
    """Return one method's figures over objects.

    Returns:
        Mean clicks to each mark and how many objects failed it, the mean overlap after each click
        (the last one's where it stopped before), seconds a click, seconds to make a frame ready.
    """
    scores = [ClickScores(tuple(row["overlaps"]), row["seconds"]) for row in rows]
    figures: dict[str, Any] = {"objects": len(scores)}
    for mark in MARKS:
        counts = [score.clicks_to(mark, most) for score in scores]
        figures[f"clicks_to_{mark:.2f}"] = float(np.mean(counts))
        missed = sum(max(score.overlaps, default=0.0) < mark for score in scores)
        figures[f"failures_{mark:.2f}"] = missed
    curves = [score.overlaps + score.overlaps[-1:] * most for score in scores if score.overlaps]
    figures["mean_overlaps"] = np.mean([curve[:most] for curve in curves], axis=0).tolist()
    clicks = sum(len(score.overlaps) for score in scores)
    figures["seconds_a_click"] = sum(score.seconds for score in scores) / max(1, clicks)
    figures["ready_seconds"] = float(np.mean([row["ready_seconds"] for row in rows]))
    return figures
