"""`vos-bench knn`: k-NN classification with frozen features (Caron et al. 2021, Table 2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from benchmarks.classification.defaults import TEMPERATURE
from benchmarks.classification.labelled_data import LabelledData, sizes_text
from benchmarks.features.choices import FeatureKind
from benchmarks.features.options import FeatureOptions
from benchmarks.reporting.published_figures import IMAGENET
from vos.errors import InputError

if TYPE_CHECKING:
    from benchmarks.classification.knn_voting import Accuracy
    from benchmarks.features.extraction import Extraction
    from benchmarks.reporting.benchmark_run import BenchmarkRun


@dataclass(frozen=True)
class Knn:
    """Classify images by their nearest neighbors among labelled ones (Table 2).

    Features: the class token; pooled features of a network without one. All k are scored in one
    pass. Without images, --features alone is scored.

    Example: vos-bench knn --train imagenet/train --test imagenet/val -o runs/knn
    """

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json and table.md to."""
    data: LabelledData = field(default_factory=LabelledData)
    features: Path | None = None
    """File (.safetensors) to save the features to, or to take them from if it is there."""
    k: tuple[int, ...] = (10, 20, 100, 200)
    """Neighbors that vote."""
    temperature: float = TEMPERATURE
    """Of the votes exp(similarity / temperature)."""
    size: int = 224
    """Pixels of the center crop; the shorter side is resized to 256/224 of it."""
    kind: FeatureKind = "class"
    """Which features; class is the published setting."""
    extraction: Annotated[FeatureOptions, tyro.conf.arg(name="")] = field(
        default_factory=FeatureOptions
    )

    def run(self) -> int:
        """Extract features, vote, and write the accuracies."""
        if self.temperature <= 0 or not self.k or min(self.k) < 1:
            raise InputError(
                f"temperature is {self.temperature} and k {list(self.k)}; expected above 0, "
                "and numbers of at least 1"
            )
        from benchmarks.classification.knn_voting import vote
        from benchmarks.classification.labelled_features import labelled_features
        from benchmarks.reporting.benchmark_run import team_run

        with team_run("knn", self, self.out, self.extraction.backbone.device) as run:
            features = labelled_features(self.data, self.features, lambda: self._extraction(run))
            if run.team.leads:
                scores = vote(features, self.k, self.temperature, run.device)
                best = max(scores, key=lambda s: s.top1)
                name = f"{run.backbone_name}, this run, k = {best.k}"
                results = {**features.sizes(), "accuracy": [asdict(s) for s in scores]}
                data = sizes_text(len(features.train), len(features.test), results["classes"])
                table = run.finish(results, [(name, (None, best.top1))], IMAGENET, data)
                report(scores, table)
        return 0

    def _extraction(self, run: BenchmarkRun) -> Extraction:
        from benchmarks.features.transforms import transform_for

        backbone = self.extraction.load(run.team)
        run.weights = backbone.describe()
        transform = transform_for(backbone, "crop", self.size)
        return self.extraction.extractor(backbone, transform, self.kind, self.out, run.team)


def report(scores: list[Accuracy], table: str) -> None:
    """Print the accuracies and the table."""
    print("   k   top-1   top-5")
    for score in scores:
        print(f"{score.k:>4}  {score.top1:>6.2f}  {score.top5:>6.2f}")
    print(f"\n{table}", end="")
