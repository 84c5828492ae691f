"""Curves of a run, from its log to one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pretrain.monitoring.run_log import read_log
from vos.errors import InputError
from vos.files import atomic_path

PICTURE = "curves.png"


_PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("loss", ("loss",)),
    ("cross-entropy and KL", ("cross_entropy", "kl")),
    ("entropy (nats)", ("teacher_entropy", "student_entropy", "mean_target_entropy")),
    ("gradient norm", ("grad_norm", "grad_norm_max")),
    ("feature spread", ("feature_std",)),
    ("center norm", ("center_norm",)),
    ("learning rate", ("lr",)),
    ("weight decay", ("weight_decay",)),
    ("momentum", ("momentum",)),
    ("images/s", ("images_per_second",)),
    ("share of time waiting for data", ("data_wait",)),
    ("memory (GB)", ("memory_gb",)),
    ("k-NN accuracy", ("knn_top1", "knn_top5")),
    ("J&F", ("davis_j_and_f", "davis_j", "davis_f")),
)


_LOGARITHMIC = {"gradient norm"}
_COLUMNS = 3


def plot_curves(folder: Path, target: Path | None = None) -> Path:
    """Draw all curves of a run and return the picture's path.

    Args:
        folder: the run's.
        target: the PNG file to write; None: `curves.png` in the folder.

    Raises:
        InputError: there is no log, or nothing in it to draw; or the file is no PNG file.
    """
    target = target or folder / PICTURE
    if target.suffix.lower() != ".png":
        raise InputError(f"{target} is no PNG file; give a name that ends in .png")
    lines = [line for line in read_log(folder) if "message" not in line]
    panels = [panel for panel in _PANELS if any(_series(lines, name)[0] for name in panel[1])]
    if not panels:
        raise InputError(f"the log in {folder} has no numbers yet; wait for the first steps")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(5 * _COLUMNS, 3 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for number, (title, names) in enumerate(panels):
        axes = figure.add_subplot(rows, _COLUMNS, number + 1)
        for name in names:
            steps, values = _series(lines, name)
            if steps:
                axes.plot(steps, values, label=name, marker="." if len(steps) < 20 else None)
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        if title in _LOGARITHMIC:
            axes.set_yscale("log")
        if len(names) > 1:
            # Below the panel, so that it hides no curve.
            axes.legend(
                fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(names)
            )
    with atomic_path(target) as beside:
        figure.savefig(beside, dpi=100)
    return target


def _series(lines: list[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    points = [(line["step"], line[name]) for line in lines if name in line]
    return [p[0] for p in points], [p[1] for p in points]
