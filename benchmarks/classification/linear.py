"""`vos-bench linear`: linear classification of frozen features (Caron et al. 2021, Table 2).

Shapes: B batch, D width.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from torch import Tensor
from torch.utils.data import DataLoader

from benchmarks.classification.labelled_data import (
    LabelledData,
    described,
    labelled_features,
    told_sizes,
)
from benchmarks.classification.linear_augmentation import Augmented, epoch_batches
from benchmarks.classification.linear_heads import HeadTraining, LinearHeads, head_accuracies
from benchmarks.classification.logistic import PENALTIES, logistic_regression
from benchmarks.classification.training_state import end_stopped
from benchmarks.features.descriptors import FeatureKind, describe_images
from benchmarks.features.extraction import Extraction, quiet_worker
from benchmarks.features.image_sets import ImageSet
from benchmarks.features.options import FeatureOptions
from benchmarks.features.run_identity import later_options
from benchmarks.features.transforms import view_for
from benchmarks.reporting.benchmark_run import BenchmarkRun, benchmark_run, shown_name
from benchmarks.reporting.published_figures import IMAGENET
from vos.errors import InputError
from vos.runtime.devices import resolve_device
from vos.runtime.distributed import Team, team
from vos.runtime.progress import progress
from vos.runtime.signals import StopRequest, deferred_signals

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
    extraction: FeatureOptions = field(default_factory=FeatureOptions)

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
        with team() as processes:
            device = resolve_device(processes.device(self.extraction.backbone.device))
            settings = asdict(self)
            with benchmark_run("linear", self.out, settings, device, processes) as run:
                if self.mode == "logistic":
                    self._logistic(run, processes)
                else:
                    self._sgd(run, processes)
        return 0

    def _extraction(self, run: BenchmarkRun, processes: Team) -> Extraction:
        backbone = self.extraction.load(processes)
        run.settings["weights"] = backbone.describe()
        kind = self.kind or ("class_mean" if backbone.dim >= _BASE_WIDTH else "class_last_4")
        run.settings["kind"] = kind
        view = view_for(backbone, "crop", self.size)
        return self.extraction.extractor(backbone, view, kind, self.out, processes)

    def _logistic(self, run: BenchmarkRun, processes: Team) -> None:
        held = labelled_features(self.data, self.features, lambda: self._extraction(run, processes))
        if not processes.leads:
            return
        sets = (held.train, held.train_labels, held.test, held.test_labels)
        with progress("logistic regression", len(self.penalties) + 1, "fits") as advance:
            result = logistic_regression(
                *(values.to(run.device) for values in sets),
                penalties=self.penalties,
                seed=self.seed,
                on_fit=advance,
            )
        weights = run.settings.get("weights")
        source = shown_name(weights) if weights else "given features"
        name = f"{source}, this run, logistic regression on cached features"
        results = {"mode": "logistic regression on cached features", **described(held)}
        results |= asdict(result)
        print(f"top-1 {result.top1:.2f}  top-5 {result.top5:.2f}  penalty {result.penalty:g}\n")
        data = told_sizes(len(held.train), len(held.test), results["classes"])
        print(run.finish(results, [(name, (result.top1, None))], IMAGENET, data), end="")

    def _sgd(self, run: BenchmarkRun, processes: Team) -> None:
        train, test = self.data.load()
        extraction = self._extraction(run, processes)
        test_features = extraction(test, "test images")
        test_labels = torch.from_numpy(test.labels)
        width, classes = test_features.shape[1], len(train.classes)
        heads = LinearHeads(width, classes, len(self.lr), self.seed).to(run.device)
        training = HeadTraining(heads, self.lr, batch=self.train_batch, epochs=self.epochs)
        state, identity = self.out / _STATE, self._identity(extraction, train, test)
        if processes.from_leader(state.is_file):
            training.restore(state, identity)
        with deferred_signals() as stop:
            while training.epoch < self.epochs:
                self._epoch(training, extraction, train, stop)
                if stop.signal is not None:
                    if processes.leads:
                        training.save(state, identity)
                    end_stopped(stop, training.epoch, leads=processes.leads)
                epoch = training.epoch
                training.end_epoch()
                if (epoch + 1) % self.test_every == 0 or epoch + 1 == self.epochs:
                    scores = head_accuracies(heads, test_features, test_labels)
                    training.history.append({"epoch": epoch + 1, "scores": scores})
                    _tell(training, self.lr, processes)
                if processes.leads:
                    training.save(state, identity)
        if processes.leads:
            self._finish(run, training, train, test, width)

    def _epoch(
        self, training: HeadTraining, extraction: Extraction, train: ImageSet, stop: StopRequest
    ) -> None:
        """Train for what is left of an epoch, or until a stop is asked for."""
        batches = list(epoch_batches(len(train), self.train_batch, self.seed, training.epoch))
        batches = batches[training.step_in_epoch :]
        dataset = Augmented(train, extraction.view, self.seed, training.epoch)
        device = extraction.backbone.device
        label = f"epoch {training.epoch + 1}/{self.epochs}"
        with progress(label, sum(map(len, batches)), "images") as advance:
            for features, labels in batch_features(dataset, batches, extraction, stop):
                loss = training.step(features.to(device), labels.to(device))
                advance(len(labels), note=f"loss {loss:.3f}")
                if stop.signal is not None:
                    return

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
        name = f"{shown_name(run.settings['weights'])}, this run, lr {self.lr[best]:g}"
        data = told_sizes(len(train), len(test), len(train.classes))
        print(run.finish(results, [(name, (last[best]["top1"], None))], IMAGENET, data), end="")


def batch_features(
    dataset: Augmented, batches: list[list[int]], extraction: Extraction, stop: StopRequest
) -> Iterator[tuple[Tensor, Tensor]]:
    """Give the features (B, D) and labels (B,) of each batch, the same in every process.

    Each process runs the network on its share of a batch; the features, which are small, are
    handed to all, so that all train the same classifiers. A batch with fewer images than there
    are processes is left out. A stop asked of one process is made known to all.
    """
    processes = extraction.team
    own = [
        batch[processes.rank :: processes.size] for batch in batches if len(batch) >= processes.size
    ]
    loader = DataLoader(
        dataset,
        batch_sampler=own,
        num_workers=extraction.loader.workers,
        worker_init_fn=quiet_worker,
    )
    for inputs, labels in loader:
        pieces = [
            describe_images(extraction.backbone, piece, extraction.kind).cpu()
            for piece in inputs.split(extraction.loader.batch)
        ]
        shares = processes.gather((torch.cat(pieces), labels, stop.signal))
        asked = [signal for _, _, signal in shares if signal is not None]
        stop.signal = asked[0] if asked else None
        yield torch.cat([f for f, _, _ in shares]), torch.cat([n for _, n, _ in shares])


def _tell(training: HeadTraining, rates: tuple[float, ...], processes: Team) -> None:
    if processes.leads:
        scores: list[dict[str, Any]] = training.history[-1]["scores"]
        told = "  ".join(f"{lr:g}: {s['top1']:.2f}" for lr, s in zip(rates, scores, strict=True))
        print(f"epoch {training.epoch}: top-1 by lr  {told}", flush=True)
