"""The report of a DAVIS run: one page with its pictures inside."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.davis.best_and_worst import FramePicture, best_and_worst
from benchmarks.davis.plots import score_bars, score_curves
from benchmarks.reporting import html
from benchmarks.reporting.published_figures import DAVIS
from vos.datasets.dataset import Dataset
from vos.evaluation.reports import GLOBAL_COLUMNS, global_row
from vos.evaluation.scores import Evaluation

_WORST = 4
_FULL_SET = (30, 61)
"""Sequences and objects of DAVIS 2017 val."""


def write_report(
    path: str | Path,
    evaluation: Evaluation,
    dataset: Dataset,
    masks: Path,
    *,
    run: Mapping[str, Any],
    results: Mapping[str, Any],
) -> None:
    """Write a run's report.

    Args:
        path: the HTML file.
        evaluation: the run's scores.
        dataset: the sequences, with images.
        masks: the folder of predicted masks.
        run: the contents of `run.json`.
        results: the contents of `results.json`.
    """
    name = run_name(run["settings"])
    title = f"{evaluation.dataset}, {evaluation.subset}: {name}"
    under = f"{_extent(evaluation)}, {dataset.frame_count} frames, {run['written']}"
    parts = [
        html.heading(title, under),
        html.tiles(_headline(evaluation)),
        html.section("Beside the published figures", *_published(evaluation, name, run)),
        html.section(
            "Objects",
            html.paragraph("Mean J and F of each object, the best first.", "faint"),
            html.plot(score_bars(evaluation.objects), "bars of J and F for each object"),
            html.section("Against time", *_curves(evaluation, dataset)),
        ),
        html.section("Best and worst frames of the worst sequences",
                     *_frames(evaluation, dataset, masks)),
        html.section("Settings", *_settings(run, results)),
    ]  # fmt: skip
    html.write_page(path, title, parts)


def run_name(settings: Mapping[str, Any]) -> str:
    """Return how tables call a run: its backbone, its precision, and whether it is untrained."""
    backbone = settings["backbone"]
    name = f"{backbone['name']}, {backbone['precision']}"
    return f"{name}, untrained" if backbone["source"] == "untrained" else name


def _headline(evaluation: Evaluation) -> dict[str, str]:
    values = global_row(evaluation)
    return {name: f"{100 * value:.1f}" for name, value in zip(GLOBAL_COLUMNS, values, strict=True)}


def _extent(evaluation: Evaluation) -> str:
    counts = {"sequence": len(evaluation.sequences), "object": len(evaluation.objects)}
    return ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items())


def is_published_setting(evaluation: Evaluation, run: Mapping[str, Any]) -> bool:
    """Whether a run is on all of DAVIS 2017 val at 480p, as the published figures are."""
    where = (evaluation.dataset, evaluation.subset, run["settings"]["dataset"]["resolution"])
    counts = (len(evaluation.sequences), len(evaluation.objects))
    return where == ("DAVIS 2017", "val", "480p") and counts == _FULL_SET


def _published(evaluation: Evaluation, name: str, run: Mapping[str, Any]) -> list[str]:
    ours = [evaluation.jf_mean, evaluation.j.mean, evaluation.f.mean]
    rows = [[f"this run: {name}", *(f"{100 * value:.1f}" for value in ours)]]
    for method, figures in DAVIS.rows:
        rows.append([method, *("" if value is None else f"{value:.1f}" for value in figures)])
    source = html.paragraph(
        f"{DAVIS.label} of M. Caron et al. 2021 (arXiv 2104.14294): {DAVIS.title}.", "faint"
    )
    parts = [source, html.table(["", *DAVIS.columns], rows, ours=[0])]
    if not is_published_setting(evaluation, run):
        parts.insert(
            0,
            html.paragraph(
                f"This run is not on the same data, but on {_extent(evaluation)} of "
                f"{evaluation.dataset}, set {evaluation.subset}. The published figures are of all "
                f"{_FULL_SET[0]} sequences, {_FULL_SET[1]} objects of DAVIS 2017 val; they only "
                "give an orientation.",
                "note",
            ),
        )
    return parts


def _curves(evaluation: Evaluation, dataset: Dataset) -> list[str]:
    names = {s.name: s.frame_names for s in dataset.sequences}
    plots = [
        html.plot(score_curves(s, names[s.name]), f"J and F of {s.name} against time")
        for s in evaluation.sequences
        if s.objects
    ]
    legend = "J and F of each object in each frame that counts. Colors are the masks' own where a "
    return [
        html.paragraph(f"{legend}sequence has several objects, with F dashed.", "faint"),
        html.grid(plots),
    ]


def _frames(evaluation: Evaluation, dataset: Dataset, masks: Path) -> list[str]:
    sequences = {s.name: s for s in dataset.sequences}
    worst = sorted((s for s in evaluation.sequences if s.objects), key=lambda s: s.jf_mean)
    parts = [
        html.paragraph(
            "Color: the predicted mask. White line: the truth's contour. Left the best frame, "
            "right the worst, by the mean of the objects' J and F.",
            "faint",
        )
    ]
    for score in worst[:_WORST]:
        pair = best_and_worst(score, sequences[score.name], masks)
        parts.append(f"<h3>{escape(score.name)}: J&amp;F {score.jf_mean:.3f}</h3>")
        parts.append(html.grid(html.picture(p.image, _caption(p)) for p in pair))
    return parts


def _caption(drawn: FramePicture) -> str:
    return f"frame {drawn.frame}: J {drawn.j:.3f}, F {drawn.f:.3f}"


def _settings(run: Mapping[str, Any], results: Mapping[str, Any]) -> list[str]:
    speed = results["speed"]
    rates = {k: "not measured" if v is None else f"{v:.2f}"
             for k, v in speed["frames_per_second"].items()}  # fmt: skip
    memory = {k: f"{speed[k]:.0f} MiB" for k in ("peak_memory_mib", "gpu_peak_memory_mib")
              if speed[k] is not None}  # fmt: skip
    provenance = {
        "command": shlex.join(run["command"]),
        "code revision": run["revision"],
        "versions": run["versions"],
        "processes": run["processes"],
        "machines": [m for i, m in enumerate(run["machines"]) if m not in run["machines"][:i]],
        "started": run["started"],
        "frames per second": rates,
        "peak memory": ", ".join(memory.values()),
    }
    if results["made_with_different"]:
        provenance["not the same for all sequences"] = results["made_with_different"]
    parts = []
    about_run = {"scoring": results["rules"], "run": provenance}
    for title, values in (*run["settings"].items(), *about_run.items()):
        parts.append(
            f"<div><h3>{escape(title.capitalize())}</h3>{html.settings_table(values)}</div>"
        )
    return [html.grid(parts)]
