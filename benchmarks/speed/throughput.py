"""`vos-bench throughput`: speed and memory of backbones (Caron et al. 2021, Table 1, Figure 5)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.reporting.published_figures import THROUGHPUT
from vos.errors import InputError
from vos.runtime.precision import Precision

PLOT = "accuracy_speed.png"


@dataclass(frozen=True)
class Throughput:
    """Measure images per second and memory (Table 1), and plot accuracy against speed (Figure 5).

    Every combination of backbone, size, precision and batch is measured, on random images; the
    weights do not matter for that, so none are needed.

    Example: vos-bench throughput --precisions fp32 --batches 128 -o runs/throughput
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
        from benchmarks.reporting.benchmark_run import benchmark_run
        from benchmarks.speed.accuracy_plot import accuracy_plot, read_accuracies, write_plot
        from benchmarks.speed.timing import fastest_by_backbone, report, time_all
        from vos.runtime.devices import resolve_device
        from vos.runtime.distributed import Team

        device = resolve_device(self.device)
        accuracies = read_accuracies(self.accuracies)
        settings = list(product(self.precisions, self.sizes, self.batches))
        with benchmark_run("throughput", self, self.out, device, Team()) as run:
            timings = time_all(self.backbones, settings, device, self.seconds)
            if self.accuracies:
                figure = accuracy_plot(fastest_by_backbone(timings), accuracies)
                write_plot(self.out / PLOT, figure)
            rows = [
                (
                    f"{t.backbone}, {t.size} px, {t.precision}, batch {t.batch}",
                    (t.images_per_second,),
                )
                for t in timings
            ]
            results = {"timings": [asdict(t) for t in timings], "accuracies": accuracies}
            table = run.finish(results, rows, THROUGHPUT, str(run.machines[0]["device"]))
        report(timings)
        print(f"\n{table}", end="")
        return 0
