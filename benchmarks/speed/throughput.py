"""`vos-bench throughput`: speed and memory of backbones (Caron et al. 2021, Table 1, Figure 5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import torch
import tyro
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.reporting.benchmark_run import RESULTS, RUN, benchmark_run
from benchmarks.reporting.published_figures import IMAGENET, THROUGHPUT
from benchmarks.speed.timing import Timing, time_backbone
from vos.backbones.loading import load_backbone
from vos.errors import InputError
from vos.files import atomic_path
from vos.runtime.devices import resolve_device, resolve_precision
from vos.runtime.distributed import Team
from vos.runtime.precision import Precision
from vos.runtime.progress import progress

PLOT = "accuracy_speed.png"


@dataclass(frozen=True)
class Throughput:
    """Measure images per second and memory (Table 1), and plot accuracy against speed (Figure 5).

    Every combination of backbone, size, precision and batch is measured, on random images; the
    weights do not matter for that, so none are needed.
    """

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json, table.md and accuracy_speed.png to."""
    backbones: tuple[str, ...] = ("dino_vits16", "dino_vits8", "dino_vitb16", "dino_vitb8")
    """Names of backbones: those of --backbone elsewhere, timm:NAME included."""
    sizes: tuple[int, ...] = (224,)
    """Sides of the images, in pixels."""
    precisions: tuple[Precision, ...] = ("auto",)
    """auto, fp32, bf16, fp16."""
    batches: tuple[int, ...] = (1, 128)
    """Images at once."""
    seconds: float = 5.0
    """How long each is measured at least."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    accuracies: tuple[Path, ...] = ()
    """Output folders of `knn` or `linear` runs, whose accuracies are plotted against the speed."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a list is empty, or a number is not above 0.
        """
        numbers = (*self.sizes, *self.batches, self.seconds)
        lists = (self.backbones, self.sizes, self.precisions, self.batches)
        if not all(lists) or min(numbers) <= 0:
            raise InputError(
                "backbones, sizes, precisions and batches need at least one entry each, and all "
                "numbers must be above 0"
            )

    def run(self) -> int:
        """Measure, print, and write the results."""
        device = resolve_device(self.device)
        held = read_accuracies(self.accuracies)
        with benchmark_run("throughput", self.out, asdict(self), device, Team()) as run:
            timings = self._measure(device)
            fastest = _fastest(timings)
            if self.accuracies:
                write_plot(self.out / PLOT, accuracy_plot(fastest, held))
            rows = [
                (
                    f"{t.backbone}, {t.size} px, {t.precision}, batch {t.batch}",
                    (t.images_per_second,),
                )
                for t in timings
            ]
            results = {"timings": [asdict(t) for t in timings], "accuracies": dict(held)}
            table = run.finish(results, rows, THROUGHPUT, str(run.machines[0]["device"]))
        report(timings)
        print(f"\n{table}", end="")
        return 0

    def _measure(self, device: torch.device) -> list[Timing]:
        timings = []
        settings = list(product(self.precisions, self.sizes, self.batches))
        with progress("throughput", len(self.backbones) * len(settings), "settings") as advance:
            for name in self.backbones:
                for precision, size, batch in settings:
                    backbone = load_backbone(
                        name, device=device, precision=precision, untrained=True
                    )
                    if size < backbone.stride:
                        raise InputError(
                            f"images of {size} pixels are smaller than a patch of {name}"
                        )
                    told = str(resolve_precision(precision, device)).removeprefix("torch.")
                    timings.append(
                        time_backbone(
                            backbone, size=size, precision=told, batch=batch, seconds=self.seconds
                        )
                    )
                    advance(note=f"{name}, {size} px, {told}, batch {batch}")
        return timings


def report(timings: Sequence[Timing]) -> None:
    """Print what was measured."""
    print("images/s   ms/pass   peak MiB  setting")
    for t in timings:
        if t.images_per_second is None:
            told = f"{'out of memory':>29}"
        else:
            peak = "" if t.peak_mib is None else f"{t.peak_mib:.0f}"
            told = f"{t.images_per_second:>8.2f} {t.milliseconds:>9.1f} {peak:>10}"
        print(f"{told}  {t.backbone}, {t.size} px, {t.precision}, batch {t.batch}")


def read_accuracies(folders: Sequence[Path]) -> dict[str, dict[str, float]]:
    """Return top-1 accuracy by evaluation and backbone, from finished `knn` and `linear` runs.

    Raises:
        InputError: a folder holds no finished run of these, or not whose backbone is known.
    """
    found: dict[str, dict[str, float]] = {"knn": {}, "linear": {}}
    for folder in folders:
        try:
            held = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
            run = json.loads((folder / RUN).read_text(encoding="utf-8"))
            kind, results = held["benchmark"], held["results"]
            name = run["settings"]["weights"]["name"]
            by_k = results.get("accuracy")
            top1 = max(a["top1"] for a in by_k) if by_k else results["top1"]
            found[kind][name] = float(top1)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder} holds no finished knn or linear run of a backbone ({error!r})"
            ) from None
    return found


def _fastest(timings: Sequence[Timing]) -> dict[str, float]:
    """Return the most images per second by backbone."""
    fastest: dict[str, float] = {}
    for t in timings:
        if t.images_per_second is not None:
            fastest[t.backbone] = max(fastest.get(t.backbone, 0), t.images_per_second)
    return fastest


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
    for (kind, values), colour in zip(accuracies.items(), ("#2b6cb0", "#e08a2e"), strict=True):
        for name, accuracy in values.items():
            if name in speeds:
                axes.plot(speeds[name], accuracy, "s", color=colour)
                _label(axes, f"{name}, {kind}", speeds[name], accuracy, colour)
    axes.set_xscale("log")
    axes.margins(0.25, 0.1)
    axes.set_xlabel("images/s (gray, published: NVIDIA V100)")
    axes.set_ylabel("top-1 accuracy, % (gray: ImageNet, k-NN)")
    axes.grid(color="0.9")
    return figure


def _label(axes: Axes, text: str, x: float, y: float, colour: str) -> None:
    shift = (0, 5) if "linear" not in text else (0, -12)
    axes.annotate(
        text, (x, y), shift, textcoords="offset points", ha="center", size=8, color=colour
    )


def write_plot(path: Path, figure: Figure) -> None:
    """Write a figure as a picture, whole or not at all."""
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=150)
