"""Figure 5: accuracy against speed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.reporting.published_figures import IMAGENET, THROUGHPUT
from benchmarks.reporting.run_files import RESULTS, RUN
from vos.errors import InputError
from vos.files import atomic_path


def read_accuracies(folders: Sequence[Path]) -> dict[str, dict[str, float]]:
    """Return top-1 accuracy by evaluation and backbone, from finished `knn` and `linear` runs.

    Raises:
        InputError: a folder holds no finished run of these, or not whose backbone is known.
    """
    accuracies: dict[str, dict[str, float]] = {"knn": {}, "linear": {}}
    for folder in folders:
        try:
            contents = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
            run = json.loads((folder / RUN).read_text(encoding="utf-8"))
            kind, results = contents["benchmark"], contents["results"]
            name = run["settings"]["weights"]["name"]
            by_k = results.get("accuracy")
            top1 = max(a["top1"] for a in by_k) if by_k else results["top1"]
            accuracies[kind][name] = float(top1)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder} holds no finished knn or linear run of a backbone ({error!r})"
            ) from None
    return accuracies


def accuracy_plot(
    speeds: Mapping[str, float], accuracies: Mapping[str, Mapping[str, float]]
) -> Figure:
    """Draw top-1 accuracy against images per second, the published figures in gray."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    published_speed = dict(THROUGHPUT.rows)
    for method, (_, knn) in IMAGENET.rows:
        speed = published_speed.get(method.removeprefix("DINO "))
        if speed is not None and speed[0] is not None and knn is not None:
            axes.plot(speed[0], knn, "o", color="0.7")
            _label(axes, method, speed[0], knn, "0.5")
    for (kind, values), color in zip(accuracies.items(), ("#2b6cb0", "#e08a2e"), strict=True):
        for name, accuracy in values.items():
            if name in speeds:
                axes.plot(speeds[name], accuracy, "s", color=color)
                _label(axes, f"{name}, {kind}", speeds[name], accuracy, color)
    axes.set_xscale("log")
    axes.margins(0.25, 0.1)
    axes.set_xlabel("images/s (gray, published: NVIDIA V100)")
    axes.set_ylabel("top-1 accuracy, % (gray: ImageNet, k-NN)")
    axes.grid(color="0.9")
    return figure


def _label(axes: Axes, text: str, x: float, y: float, color: str) -> None:
    shift = (0, 5) if "linear" not in text else (0, -12)
    axes.annotate(text, (x, y), shift, textcoords="offset points", ha="center", size=8, color=color)


def write_plot(path: Path, figure: Figure) -> None:
    """Write a figure as a picture, whole or not at all."""
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=150)
