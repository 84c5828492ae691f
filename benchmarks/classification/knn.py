"""`vos-bench knn`: k-NN classification with frozen features (Caron et al. 2021, Table 2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro

from benchmarks.classification.knn_voting import TEMPERATURE, Accuracy, check_sets, knn_accuracy
from benchmarks.classification.labelled_data import (
    LabelledData,
    LabelledFeatures,
    described,
    labelled_features,
    told_sizes,
)
from benchmarks.features.descriptors import FeatureKind
from benchmarks.features.extraction import Extraction
from benchmarks.features.options import FeatureOptions
from benchmarks.features.transforms import view_for
from benchmarks.reporting.benchmark_run import benchmark_run, shown_name
from benchmarks.reporting.published_figures import IMAGENET
from vos.errors import InputError
from vos.runtime.devices import resolve_device
from vos.runtime.distributed import Team, team
from vos.runtime.progress import progress


@dataclass(frozen=True)
class Knn:
    """Classify images by their nearest neighbours among labelled ones (Table 2).

    Features: the class token; pooled features of a network without one. All k are scored in one
    pass. Without images, --features alone is scored.
    """

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json and table.md to."""
    data: LabelledData = field(default_factory=LabelledData)
    features: Path | None = None
    """File (.safetensors) to save the features to, or to take them from if it is there."""
    k: tuple[int, ...] = (10, 20, 100, 200)
    """Neighbours that vote."""
    temperature: float = TEMPERATURE
    """Of the votes exp(similarity / temperature)."""
    size: int = 224
    """Pixels of the centre crop; the shorter side is resized to 256/224 of it."""
    kind: FeatureKind = "class"
    """Which features; class is the published setting."""
    extraction: FeatureOptions = field(default_factory=FeatureOptions)

    def run(self) -> int:
        """Extract features, vote, and write the accuracies."""
        if self.temperature <= 0 or not self.k or min(self.k) < 1:
            raise InputError(
                f"temperature is {self.temperature} and k {list(self.k)}; expected above 0, "
                "and numbers of at least 1"
            )
        with team() as processes:
            device = resolve_device(processes.device(self.extraction.backbone.device))
            settings = asdict(self)
            with benchmark_run("knn", self.out, settings, device, processes) as run:
                held = labelled_features(
                    self.data, self.features, lambda: self._extraction(processes, settings)
                )
                if processes.leads:
                    scores = vote(held, self.k, self.temperature, device)
                    best = max(scores, key=lambda s: s.top1)
                    weights = settings.get("weights")
                    source = shown_name(weights) if weights else "given features"
                    name = f"{source}, this run, k = {best.k}"
                    results = {**described(held), "accuracy": [asdict(s) for s in scores]}
                    data = told_sizes(len(held.train), len(held.test), results["classes"])
                    table = run.finish(results, [(name, (None, best.top1))], IMAGENET, data)
                    report(scores, table)
        return 0

    def _extraction(self, processes: Team, settings: dict[str, Any]) -> Extraction:
        backbone = self.extraction.load(processes)
        settings["weights"] = backbone.describe()
        view = view_for(backbone, "crop", self.size)
        return self.extraction.extractor(backbone, view, self.kind, self.out, processes)


def vote(
    features: LabelledFeatures, ks: tuple[int, ...], temperature: float, device: torch.device
) -> list[Accuracy]:
    """Score features on a device, with progress."""
    check_sets(features.train_labels, features.test_labels)
    with progress("votes", len(features.test), "images") as advance:
        return knn_accuracy(
            features.train.to(device),
            features.train_labels.to(device),
            features.test.to(device),
            features.test_labels.to(device),
            ks=ks,
            temperature=temperature,
            on_block=advance,
        )


def report(scores: list[Accuracy], table: str) -> None:
    """Print the accuracies and the table."""
    print("   k   top-1   top-5")
    for score in scores:
        print(f"{score.k:>4}  {score.top1:>6.2f}  {score.top5:>6.2f}")
    print(f"\n{table}", end="")
