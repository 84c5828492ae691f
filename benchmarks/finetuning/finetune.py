"""`vos-bench finetune`: train a backbone further with labels (Caron et al. 2021, Table 6)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from benchmarks.classification.labelled_data import LabelledData, sizes_text
from benchmarks.features.options import FeatureOptions
from benchmarks.features.run_identity import later_options
from benchmarks.finetuning.recipe import Amp, Recipe
from benchmarks.reporting.published_figures import FINE_TUNING
from vos.errors import InputError

if TYPE_CHECKING:
    from benchmarks.features.image_sets import ImageSet
    from benchmarks.features.transforms import ImageTransform
    from benchmarks.finetuning.training import Training
    from benchmarks.reporting.benchmark_run import BenchmarkRun
    from vos.backbones.backbone import Backbone

STATE, WEIGHTS = "finetune.pth", "finetuned.pth"
_COUNTED = ("amp", "seed", "size", "test_every")


# Images and weights count by their digests, the recipe by its own identity.
_NOT_COUNTED = ("out", "data", "recipe", "column", "extraction")


@dataclass(frozen=True)
class Finetune:
    """Train a backbone further with labels, by DeiT's recipe (Table 6).

    Writes finetuned.pth, which --weights takes elsewhere (its classifier is left out). Run again
    after a stop, it goes on. `torchrun --no-python --nproc-per-node N vos-bench finetune ...`
    shares each batch out among N processes.

    Example: vos-bench finetune --train imagenet/train --test imagenet/val -o runs/finetune
    """

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json, table.md, the state and the weights to."""
    data: LabelledData = field(default_factory=LabelledData)
    recipe: Recipe = field(default_factory=Recipe)
    amp: Amp = "off"
    """Precision of the passes; weights stay in float32."""
    test_every: int = 1
    """Epochs between tests; the last epoch is always tested."""
    column: str = "ImageNet"
    """Column of the published table that the data belong to: CIFAR-10, ..., ImageNet."""
    seed: int = 0
    """Of the classifier's start, the order, the augmentation and the mixing."""
    size: int = 224
    """Pixels of the crops."""
    extraction: Annotated[FeatureOptions, tyro.conf.arg(name="")] = field(
        default_factory=FeatureOptions
    )

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputError: an option is out of its range.
        """
        if self.test_every < 1:
            raise InputError(f"test-every is {self.test_every}; expected at least 1")
        if self.column not in FINE_TUNING.columns:
            raise InputError(
                f"column {self.column!r} is not in {FINE_TUNING.label}; it has "
                f"{', '.join(FINE_TUNING.columns)}"
            )

    def run(self) -> int:
        """Train, test, and write weights and accuracies."""
        from benchmarks.reporting.benchmark_run import team_run

        with team_run("finetune", self, self.out, self.extraction.backbone.device) as run:
            self._run(run)
        return 0

    def _run(self, run: BenchmarkRun) -> None:
        from benchmarks.features.transforms import transform_for
        from vos.backbones.backbone import weights_digest

        train, test = self.data.load()
        float32 = replace(self.extraction.backbone, precision="fp32")
        backbone = replace(self.extraction, backbone=float32).load(run.team)
        run.weights = backbone.describe()
        transform = transform_for(backbone, "crop", self.size)
        identity = self._identity(weights_digest(backbone), train, test)
        training = self._training(backbone, len(train.classes), run)
        training.restore(self.out / STATE, identity)
        self._train(training, (train, test), transform, identity)
        if not run.team.leads:
            return
        training.save_weights(self.out / WEIGHTS)
        last = training.history[-1]
        results = {"history": training.history, **last, "classes": len(train.classes)}
        figures = [last["top1"] if c == self.column else None for c in FINE_TUNING.columns]
        data = sizes_text(len(train), len(test), len(train.classes))
        row = (f"{run.backbone_name}, this run", figures)
        print(run.finish(results, [row], FINE_TUNING, data), end="")

    def _training(self, backbone: Backbone, classes: int, run: BenchmarkRun) -> Training:
        from benchmarks.finetuning.augmentation import mixed_seed, seeded
        from benchmarks.finetuning.network import trainable
        from benchmarks.finetuning.training import Training

        with seeded(mixed_seed(self.seed)):
            network = trainable(backbone, classes, self.recipe)
        return Training(
            network,
            self.recipe,
            amp=self.amp,
            seed=self.seed,
            loader=self.extraction.loader,
            processes=run.team,
            device=run.device,
            classes=classes,
        )

    def _identity(self, weights: str, train: ImageSet, test: ImageSet) -> str:
        """Return a digest of all that a resumed run must have in common with the stopped one."""
        values = [getattr(self, name) for name in _COUNTED]
        values += later_options(self, (*_COUNTED, *_NOT_COUNTED)).items()
        options = f"({', '.join([self.recipe.identity(), *map(repr, values)])})"
        parts = [weights, train.fingerprint(), test.fingerprint(), options]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _train(
        self,
        training: Training,
        sets: tuple[ImageSet, ImageSet],
        transform: ImageTransform,
        identity: str,
    ) -> None:
        from benchmarks.classification.training_state import end_stopped
        from benchmarks.finetuning.augmentation import RecipeImages
        from vos.runtime.signals import deferred_signals

        train, test = sets
        with deferred_signals() as stop:
            while training.epoch < self.recipe.epochs:
                images = RecipeImages(train, transform, self.recipe, self.seed, training.epoch)
                training.train_epoch(images, stop)
                if stop.signal is None:
                    training.end_epoch()
                    last = training.epoch == self.recipe.epochs
                    if last or training.epoch % self.test_every == 0:
                        training.test(test, transform)
                training.save(self.out / STATE, identity)
                if stop.signal is not None:
                    end_stopped(stop, training.epoch, leads=training.processes.leads)
