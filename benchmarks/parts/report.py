"""The report of a run on VIP: one page with its pictures inside."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.davis.best_and_worst import draw_truth
from benchmarks.reporting import html
from benchmarks.reporting.published_points import VIP
from vos.datasets.dataset import Dataset
from vos.masks.io import read_index_png
from vos.video.images import read_image
from vos.visualization.overlay import draw_overlay

_WORST = 4
_PICTURES = 3
_WIDTH = 640


def write_report(
    path: Path,
    dataset: Dataset,
    masks: Path,
    *,
    run: Mapping[str, Any],
    results: Mapping[str, Any],
) -> None:
    """Write a run's report.

    Args:
        path: the HTML file.
        dataset: the videos.
        masks: the folder of predicted masks.
        run: the contents of `run.json`.
        results: the contents of `results.json`.
    """
    row = results["rows"][0]
    title = f"{dataset.name}, {dataset.subset}: {row['name']}"
    under = f"{len(dataset.sequences)} videos, {dataset.frame_count} frames, {run['written']}"
    rows = [[f"this run: {row['name']}", *map(_text, row["figures"])]]
    rows += [[name, *map(_text, figures)] for name, figures in VIP.rows]
    iou = results["results"]["iou"].items()
    classes = [[name, _text(None if v is None else 100 * v)] for name, v in iou]
    parts = [
        html.heading(title, under),
        html.tiles({name: f"{100 * value:.1f}" for name, value in results["global"].items()}),
        html.section(
            "Beside the published figures",
            html.paragraph(f"{VIP.title}. This run: {results['data']}.", "faint"),
            html.table(["", *VIP.columns], rows, ours=[0]),
        ),
        html.section("Parts", html.table(["", "IoU"], classes)),
        html.section("Pictures of the worst videos", *_pictures(dataset, masks, results)),
        html.section("Settings", *_settings(run, results)),
    ]
    html.write_page(path, title, parts)


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _pictures(dataset: Dataset, masks: Path, results: Mapping[str, Any]) -> list[str]:
    """Draw some frames of the videos with the lowest mean IoU."""
    scores = {s["name"]: s["objects"][0]["mIoU"] for s in results["sequences"]}
    worst = sorted((n for n in scores if scores[n] is not None), key=lambda n: scores[n])[:_WORST]
    videos = {video.name: video for video in dataset.sequences}
    parts = [
        html.paragraph("Color: the predicted parts. White line: the true parts' outlines.", "faint")
    ]
    for name in worst:
        video = videos[name]
        annotated = list(video.annotations)
        count = min(_PICTURES, len(annotated))
        places = np.linspace(0, len(annotated) - 1, count).round().astype(int)
        files = {path.stem: path for path in video.frames}
        drawn = []
        for frame in (annotated[place] for place in places):
            ids = read_index_png(masks / name / f"{frame}.png")
            over = draw_overlay(read_image(files[frame]), ids, alpha=0.55, contours=False)
            picture = draw_truth(over, video.read_annotation(frame), _WIDTH)
            drawn.append(html.picture(picture, f"frame {frame}"))
        parts += [f"<h3>{escape(name)}: mIoU {100 * scores[name]:.1f}</h3>", html.grid(drawn)]
    return parts


def _settings(run: Mapping[str, Any], results: Mapping[str, Any]) -> list[str]:
    rates = results["speed"]["frames_per_second"].items()
    machines = run["machines"]
    provenance = {
        "command": shlex.join(run["command"]),
        "code revision": run["revision"],
        "versions": run["versions"],
        "processes": run["processes"],
        "machines": [m for i, m in enumerate(machines) if m not in machines[:i]],
        "started": run["started"],
        "frames per second": {k: "not measured" if v is None else f"{v:.2f}" for k, v in rates},
    }
    if results["made_with_different"]:
        provenance["not the same for all videos"] = results["made_with_different"]
    parts = [
        f"<div><h3>{escape(title.capitalize())}</h3>{html.settings_table(values)}</div>"
        for title, values in (*run["settings"].items(), ("run", provenance))
    ]
    return [html.grid(parts)]
