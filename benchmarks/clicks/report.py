"""The report of a run of clicks: one page with its plot inside."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.clicks.protocol import MARKS
from benchmarks.reporting import html
from benchmarks.reporting.published_clicks import CLICKS


def write_report(path: str | Path, *, run: Mapping[str, Any], results: Mapping[str, Any]) -> None:
    """Write a run's report.

    Args:
        path: the HTML file.
        run: the contents of `run.json`.
        results: the contents of `results.json`.
    """
    methods: Mapping[str, Mapping[str, Any]] = results["methods"]
    title = f"Clicks to a mask: {next(iter(methods), 'nothing measured')}"
    parts = [html.heading(title, f"{results['data']}, {run['written']}")]
    if methods:
        parts += [
            html.tiles(_headline(next(iter(methods.values())))),
            html.section("Methods of this run", _methods(methods), html.plot(*_curves(methods))),
            html.section("Beside published figures", *_published(results)),
            html.section("Sequences", _sequences(results["by_sequence"])),
        ]
    about = {"command": shlex.join(run["command"]), "code revision": run["revision"],
             "versions": run["versions"], "machines": run["machines"]}  # fmt: skip
    tables = [html.settings_table(values) for values in run["settings"].values()]
    parts.append(html.section("Settings", *tables, html.settings_table(about)))
    html.write_page(path, title, parts)


def _headline(figures: Mapping[str, Any]) -> dict[str, str]:
    shown = {f"clicks to {mark:.2f}": f"{figures[f'clicks_to_{mark:.2f}']:.1f}" for mark in MARKS}
    return {**shown, "seconds a click": f"{figures['seconds_a_click']:.2f}"}


def _methods(methods: Mapping[str, Mapping[str, Any]]) -> str:
    columns = [""]
    columns += [f"clicks to {mark:.2f}" for mark in MARKS]
    columns += [f"failures at {mark:.2f}" for mark in MARKS]
    columns += ["objects", "IoU of one click", "seconds a click", "seconds of a frame before it"]
    rows = [
        [
            name,
            *(f"{figures[f'clicks_to_{mark:.2f}']:.2f}" for mark in MARKS),
            *(str(figures[f"failures_{mark:.2f}"]) for mark in MARKS),
            str(figures["objects"]),
            f"{figures['mean_overlaps'][0]:.3f}",
            f"{figures['seconds_a_click']:.3f}",
            f"{figures['ready_seconds']:.3f}",
        ]
        for name, figures in methods.items()
    ]
    return html.table(columns, rows, ours=[0])


def _curves(methods: Mapping[str, Mapping[str, Any]]) -> tuple[Any, str]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, figures in methods.items():
        overlaps = figures["mean_overlaps"]
        axes.plot(range(1, len(overlaps) + 1), overlaps, marker="o", markersize=3, label=name)
    for mark in MARKS:
        axes.axhline(mark, color="0.7", linewidth=0.8, linestyle="--")
    axes.set(xlabel="clicks", ylabel="mean IoU", ylim=(0, 1))
    axes.legend(loc="lower right")
    return figure, "mean IoU of each method against the number of clicks"


def _published(results: Mapping[str, Any]) -> list[str]:
    rows = [[row["name"], *(f"{v:.1f}" for v in row["figures"])] for row in results["rows"]]
    for name, figures in CLICKS.rows:
        rows.append([name, *("" if value is None else f"{value:.1f}" for value in figures)])
    note = "The published figures are of all of DAVIS; they only give an orientation."
    ours = range(len(results["rows"]))
    return [html.paragraph(note, "note"), html.table(["", *CLICKS.columns], rows, ours)]


def _sequences(sequences: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    names = list(next(iter(sequences.values()), {}))
    columns = ["", "objects", *(f"{name}, to {mark:.2f}" for name in names for mark in MARKS)]
    rows = [
        [
            sequence,
            str(methods[names[0]]["objects"]),
            *(f"{methods[n][f'clicks_to_{mark:.2f}']:.1f}" for n in names for mark in MARKS),
        ]
        for sequence, methods in sequences.items()
    ]
    return html.table(columns, rows)
