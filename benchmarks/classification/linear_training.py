"""The published linear evaluation: classifiers on frozen features, trained over epochs by SGD.

Shapes: B batch, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from benchmarks.classification.linear_augmentation import Augmented, epoch_batches
from benchmarks.classification.linear_heads import HeadTraining, LinearHeads, head_accuracies
from benchmarks.classification.training_state import end_stopped, share_stop
from benchmarks.features.descriptors import describe_images
from benchmarks.features.extraction import Extraction, quiet_worker
from benchmarks.features.image_sets import ImageSet
from vos.runtime.progress import progress
from vos.runtime.signals import StopRequest, deferred_signals


class SgdEvaluation:
    """The classifiers of one run, one for each learning rate, with their data."""

    def __init__(
        self,
        extraction: Extraction,
        train: ImageSet,
        test: ImageSet,
        *,
        learning_rates: tuple[float, ...],
        batch: int,
        epochs: int,
        seed: int,
    ) -> None:
        self._extraction, self._train = extraction, train
        self._rates, self._batch, self._epochs, self._seed = learning_rates, batch, epochs, seed
        self._test_features = extraction(test, "test images")
        self._test_labels = torch.from_numpy(test.labels)
        self.width = self._test_features.shape[1]
        heads = LinearHeads(self.width, len(train.classes), len(learning_rates), seed)
        heads = heads.to(extraction.backbone.device)
        self.training = HeadTraining(heads, learning_rates, batch=batch, epochs=epochs)

    def run(self, state: Path, identity: str, *, test_every: int) -> None:
        """Train what is left of the epochs; the state is saved after each, and on a stop.

        Raises:
            InputError: the saved state is damaged, or of a run with other settings.
            KeyboardInterrupt: a stop was asked for, and the state is saved.
        """
        training, team = self.training, self._extraction.team
        if team.from_leader(state.is_file):
            training.restore(state, identity)
        with deferred_signals() as stop:
            while training.epoch < self._epochs:
                self._train_epoch(stop)
                if stop.signal is not None:
                    if team.leads:
                        training.save(state, identity)
                    end_stopped(stop, training.epoch, leads=team.leads)
                training.end_epoch()
                if training.epoch % test_every == 0 or training.epoch == self._epochs:
                    self._test()
                if team.leads:
                    training.save(state, identity)

    def _train_epoch(self, stop: StopRequest) -> None:
        """Train for what is left of an epoch, or until a stop is asked for."""
        training, extraction = self.training, self._extraction
        batches = list(epoch_batches(len(self._train), self._batch, self._seed, training.epoch))
        batches = batches[training.step_in_epoch :]
        dataset = Augmented(self._train, extraction.transform, self._seed, training.epoch)
        device = extraction.backbone.device
        label = f"epoch {training.epoch + 1}/{self._epochs}"
        with progress(label, sum(map(len, batches)), "images") as advance:
            for features, labels in batch_features(dataset, batches, extraction, stop):
                loss = training.step(features.to(device), labels.to(device))
                advance(len(labels), note=f"loss {loss:.3f}")
                if stop.signal is not None:
                    return

    def _test(self) -> None:
        training = self.training
        scores = head_accuracies(training.heads, self._test_features, self._test_labels)
        training.history.append({"epoch": training.epoch, "scores": scores})
        if self._extraction.team.leads:
            print(f"epoch {training.epoch}: top-1 by lr  {rates_text(self._rates, scores)}",
                  flush=True)  # fmt: skip


def rates_text(rates: tuple[float, ...], scores: list[dict[str, Any]]) -> str:
    """Return the accuracy by learning rate in one line."""
    pairs = zip(rates, scores, strict=True)
    return "  ".join(f"{lr:g}: {score['top1']:.2f}" for lr, score in pairs)


def batch_features(
    dataset: Augmented, batches: list[list[int]], extraction: Extraction, stop: StopRequest
) -> Iterator[tuple[Tensor, Tensor]]:
    """Give the features (B, D) and labels (B,) of each batch, the same in every process.

    Each process runs the network on its share of a batch; the features, which are small, are
    handed to all, so that all train the same classifiers. A batch with fewer images than there
    are processes is left out. A stop asked of one process is made known to all.
    """
    team = extraction.team
    own = [batch[team.rank :: team.size] for batch in batches if len(batch) >= team.size]
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
        shares = team.gather((torch.cat(pieces), labels, stop.signal))
        share_stop(stop, (signal for _, _, signal in shares))
        yield torch.cat([f for f, _, _ in shares]), torch.cat([n for _, n, _ in shares])
