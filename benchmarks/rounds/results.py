"""The figures of a run of rounds: means over all objects, as DAVIS counts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.reporting.published_figures import PublishedTable
from benchmarks.rounds.correction_loop import RoundRules
from vos.datasets.dataset import Dataset

_Record = Mapping[str, Any]


def rounds_table(rounds: int) -> PublishedTable:
    """Return the table that figures stand in; of frozen features and clicks none are published."""
    columns = tuple(f"round {number}" for number in range(rounds + 1))
    return PublishedTable("Rounds", "J&F after rounds of corrections, in percent", columns, ())


def results_of(
    dataset: Dataset, rules: RoundRules, name: str, records: Sequence[_Record]
) -> dict[str, Any]:
    """Return the contents of `results.json`.

    Args:
        dataset: what was measured.
        rules: how the loop went.
        name: of the backbone.
        records: of each sequence and mode: name, mode, seconds, and the rounds' outcomes.
    """
    modes = {
        mode: figures_of([r for r in records if r["mode"] == mode], rules.rounds)
        for mode in dict.fromkeys(record["mode"] for record in records)
    }
    start = {
        "given": "first masks given",
        "clicks": f"first masks of at most {rules.first_clicks} clicks an object",
    }
    return {
        "state": "complete",
        "benchmark": "rounds",
        "table": rounds_table(rules.rounds).label,
        "data": f"{dataset.name}, {dataset.subset}, {len(dataset.sequences)} sequences, "
        f"{start[rules.first]}, corrections of at most {rules.clicks} clicks",
        "dataset": dataset.name,
        "set": dataset.subset,
        "rules": asdict(rules),
        "modes": modes,
        "by_sequence": {
            f"{record['name']}, {record['mode']}": figures_of([record], rules.rounds)
            for record in records
        },
        "rows": [
            {"name": f"{name}, {mode}", "figures": [100 * v for v in figures["J&F"]]}
            for mode, figures in modes.items()
        ],
        "published": asdict(rounds_table(rules.rounds)),
    }


def figures_of(records: Sequence[_Record], rounds: int) -> dict[str, Any]:
    """Return J, F, J&F and the mean of the objects' lowest J, each a list of a value a round.

    A sequence that was right before the last round counts on as it was.
    """
    per_round: list[list[Mapping[str, float]]] = []
    for number in range(rounds + 1):
        outcomes = [r["rounds"][min(number, len(r["rounds"]) - 1)] for r in records]
        per_round.append([values for o in outcomes for values in o["objects"].values()])

    def means(key: str) -> list[float]:
        return [float(np.mean([values[key] for values in objects])) for objects in per_round]

    j, f = means("J"), means("F")
    corrections = [o["correction"] for r in records for o in r["rounds"] if o["correction"]]
    gains = [c["j_after"] - c["j_before"] for c in corrections]
    return {
        "objects": len(per_round[0]),
        "J&F": [(a + b) / 2 for a, b in zip(j, f, strict=True)],
        "J": j,
        "F": f,
        "worst_J": means("worst_J"),
        "corrections": len(corrections),
        "gain_of_a_correction": float(np.mean(gains)) if gains else 0.0,
        "seconds": sum(record["seconds"] for record in records),
    }
