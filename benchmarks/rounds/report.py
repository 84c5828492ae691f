"""The report of a run of rounds: one page with its plot inside."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.reporting import html

_METRICS = {"J&F": "J&F", "J": "J", "F": "F", "worst_J": "lowest J of an object, mean"}


def write_report(path: str | Path, *, run: Mapping[str, Any], results: Mapping[str, Any]) -> None:
    """Write a run's report.

    Args:
        path: the HTML file.
        run: the contents of `run.json`.
        results: the contents of `results.json`.
    """
    modes: Mapping[str, Mapping[str, Any]] = results["modes"]
    title = "Rounds of corrections"
    note = (
        "A round is a correction of the object and frame with the lowest J, and propagation in "
        "both directions. The first and the last frame do not count, as in DAVIS."
    )
    ends = {f"J&F after the last round, {m}": f"{100 * v['J&F'][-1]:.1f}" for m, v in modes.items()}
    about = {"command": shlex.join(run["command"]), "code revision": run["revision"],
             "versions": run["versions"], "machines": run["machines"]}  # fmt: skip
    tables = [
        html.settings_table(values if isinstance(values, Mapping) else {name: values})
        for name, values in run["settings"].items()
    ]
    parts = [
        html.heading(title, f"{results['data']}, {run['written']}"),
        html.tiles(ends),
        html.section("After each round", html.paragraph(note, "note"), _table(modes)),
        html.plot(*_curves(modes)),
        html.section("Sequences: J&F after each round", _sequences(results["by_sequence"])),
        html.section("Settings", *tables, html.settings_table(about)),
    ]
    html.write_page(path, title, parts)


def _table(modes: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [f"{mode}: {shown}", *_percent(figures[key])]
        for mode, figures in modes.items()
        for key, shown in _METRICS.items()
    ]
    return html.table(["", *_columns(len(rows[0]) - 1)], rows, range(0, len(rows), len(_METRICS)))


def _sequences(sequences: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [[name, *_percent(figures["J&F"])] for name, figures in sequences.items()]
    return html.table(["", *_columns(len(rows[0]) - 1)], rows)


def _columns(count: int) -> list[str]:
    return [f"round {number}" for number in range(count)]


def _percent(values: list[float]) -> list[str]:
    return [f"{100 * value:.1f}" for value in values]


def _curves(modes: Mapping[str, Mapping[str, Any]]) -> tuple[Any, str]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for mode, figures in modes.items():
        values = [100 * value for value in figures["J&F"]]
        axes.plot(range(len(values)), values, marker="o", markersize=3, label=mode)
    axes.set(xlabel="rounds", ylabel="J&F")
    axes.legend(loc="lower right")
    return figure, "J&F of each mode against the number of rounds"
