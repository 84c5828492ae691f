"""`vos-bench linear`: linear classification of frozen features (Caron et al. 2021, Table 2).

Shapes: B batch, D width.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from benchmarks.classification.defaults import PENALTIES
from benchmarks.classification.labelled_data import LabelledData, sizes_text
from benchmarks.features.choices import FeatureKind
from benchmarks.features.options import FeatureOptions
from benchmarks.features.run_identity import later_options
from benchmarks.reporting.published_figures import IMAGENET
from vos.errors import InputError

if TYPE_CHECKING:
    from benchmarks.classification.linear_heads import HeadTraining
    from benchmarks.features.extraction import Extraction
    from benchmarks.features.image_sets import ImageSet
    from benchmarks.reporting.benchmark_run import BenchmarkRun

_STATE = "linear.pth"
_BASE_WIDTH = 768
_COUNTED = ("epochs", "train_batch", "lr", "test_every", "seed")


# What features depend on counts by their digests; the rest of these is not for mode sgd.
_NOT_COUNTED = ("out", "data", "mode", "size", "kind", "features", "penalties", "extraction")


@dataclass(frozen=True)
class Linear:
    """Train a linear classifier on frozen features (Table 2).

    Mode sgd is the published protocol: random crops and flips, SGD over epochs, one classifier
    for each learning rate, all trained in one pass over the data. Run again after a stop, it goes
    on. Mode logistic is a fast stand-in: logistic regression on features computed once.

    Example: vos-bench linear --train imagenet/train --test imagenet/val --lr 0.001 -o runs/linear
    """

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json, table.md and the training's state to."""
    data: LabelledData = field(default_factory=LabelledData)
    mode: Literal["sgd", "logistic"] = "sgd"
    """sgd: the published protocol. logistic: L-BFGS on cached features, without augmentation."""
    epochs: int = 100
    """Passes over the training images."""
    train_batch: int = 1024
    """Images a step, over all processes."""
    lr: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
    """Learning rates for a batch of 256, one classifier each. Published runs: 0.001."""
    test_every: int = 1
    """Epochs between tests; the last epoch is always tested."""
    seed: int = 0
    """Of the start, the order and the crops."""
    size: int = 224
    """Pixels of the crops."""
    kind: FeatureKind | None = None
    """Which features. None: class_last_4, or class_mean for widths from 768, as published."""
    features: Path | None = None
    """In mode logistic: file (.safetensors) to save features to, or to take them from."""
    penalties: tuple[float, ...] = PENALTIES
    """In mode logistic: strengths of the penalty to choose from, on a tenth of the images."""
    extraction: Annotated[FeatureOptions, tyro.conf.arg(name="")] = field(
        default_factory=FeatureOptions
    )

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a number is out of its range.
        """
        if min(self.epochs, self.train_batch, self.test_every) < 1:
            raise InputError(
                f"epochs {self.epochs}, train-batch {self.train_batch} and test-every "
                f"{self.test_every} must each be at least 1"
            )
        if not self.lr or min(self.lr) <= 0:
            raise InputError(f"learning rates are {list(self.lr)}; expected numbers above 0")
        if self.features is not None and self.mode != "logistic":
            raise InputError("--features is for --mode logistic; sgd crops images anew each epoch")

    def run(self) -> int:
        """Train, test, and write the accuracies."""
        from benchmarks.reporting.benchmark_run import team_run

        with team_run("linear", self, self.out, self.extraction.backbone.device) as run:
            if self.mode == "logistic":
                self._logistic(run)
            else:
                self._sgd(run)
        return 0

    def _extraction(self, run: BenchmarkRun) -> Extraction:
        from benchmarks.features.transforms import transform_for

        backbone = self.extraction.load(run.team)
        run.weights = backbone.describe()
        kind = self.kind or ("class_mean" if backbone.dim >= _BASE_WIDTH else "class_last_4")
        run.kind = kind
        transform = transform_for(backbone, "crop", self.size)
        return self.extraction.extractor(backbone, transform, kind, self.out, run.team)

    def _logistic(self, run: BenchmarkRun) -> None:
        from benchmarks.classification.labelled_features import labelled_features
        from benchmarks.classification.logistic import fit_labelled

        features = labelled_features(self.data, self.features, lambda: self._extraction(run))
        if not run.team.leads:
            return
        result = fit_labelled(features, self.penalties, self.seed, run.device)
        mode = "logistic regression on cached features"
        results = {"mode": mode, **features.sizes(), **asdict(result)}
        print(f"top-1 {result.top1:.2f}  top-5 {result.top5:.2f}  penalty {result.penalty:g}\n")
        data = sizes_text(len(features.train), len(features.test), results["classes"])
        rows = [(f"{run.backbone_name}, this run, {mode}", (result.top1, None))]
        print(run.finish(results, rows, IMAGENET, data), end="")

    def _sgd(self, run: BenchmarkRun) -> None:
        from benchmarks.classification.linear_training import SgdEvaluation

        train, test = self.data.load()
        extraction = self._extraction(run)
        evaluation = SgdEvaluation(
            extraction,
            train,
            test,
            learning_rates=self.lr,
            batch=self.train_batch,
            epochs=self.epochs,
            seed=self.seed,
        )
        identity = self._identity(extraction, train, test)
        evaluation.run(self.out / _STATE, identity, test_every=self.test_every)
        if run.team.leads:
            self._finish(run, evaluation.training, train, test, evaluation.width)

    def _identity(self, extraction: Extraction, train: ImageSet, test: ImageSet) -> str:
        """Return a digest of all that a resumed run must have in common with the stopped one."""
        values = [getattr(self, name) for name in _COUNTED]
        values += later_options(self, (*_COUNTED, *_NOT_COUNTED)).items()
        parts = [repr(tuple(values)), extraction.digest(train), extraction.digest(test)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _finish(
        self, run: BenchmarkRun, training: HeadTraining, train: ImageSet, test: ImageSet, width: int
    ) -> None:
        last = training.history[-1]["scores"]
        best = max(range(len(self.lr)), key=lambda g: last[g]["top1"])
        results = {
            "mode": "sgd",
            "train_images": len(train),
            "test_images": len(test),
            "classes": len(train.classes),
            "width": width,
            "best_lr": self.lr[best],
            **last[best],
            "by_lr": [{"lr": lr, **score} for lr, score in zip(self.lr, last, strict=True)],
            "history": training.history,
        }
        name = f"{run.backbone_name}, this run, lr {self.lr[best]:g}"
        data = sizes_text(len(train), len(test), len(train.classes))
        print(run.finish(results, [(name, (last[best]["top1"], None))], IMAGENET, data), end="")
