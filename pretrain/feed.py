"""Batches on the device, in step with the learner, through dying workers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from pretrain.augment_batch import normalize, recolor_batch
from pretrain.data import Batch

_RESTARTS = 3


class WorkersDiedError(RuntimeError):
    """Loader workers keep dying at the same step."""


class Feed:
    """Crops for one step after another.

    Workers that die (memory, a crash in a decoder) are started again at the same step; nothing
    is lost by it, as every step knows its samples.

    Args:
        make_loader: builds a loader that starts at a given step.
        first_step: the step to start at.
        device: where crops go.
        channels: image channels of the network.
    """

    def __init__(
        self,
        make_loader: Callable[[int], DataLoader[Batch]],
        first_step: int,
        device: torch.device,
        channels: int = 3,
    ) -> None:
        self.make_loader = make_loader
        self.step = first_step
        self.device = device
        self.channels = channels
        self.waited = 0.0
        """Seconds spent waiting for workers since the last look."""
        self.broken: dict[str, str] = {}
        """Samples that could not be read, and why."""
        self._batches: Iterator[Batch] | None = None

    def next(self) -> list[Tensor]:
        """Return the V crops of the next step, (B, C, S, S) float32 on the device.

        Raises:
            WorkersDiedError: workers keep dying at the same step.
            InputError: too many samples in a row cannot be read.
        """
        start = time.perf_counter()
        batch = self._next_batch()
        self.waited += time.perf_counter() - start
        self.broken.update(batch.broken)
        self.step += 1
        return to_device(batch, self.device, self.channels)

    def _next_batch(self) -> Batch:
        for attempt in range(_RESTARTS + 1):
            try:
                if self._batches is None:
                    self._batches = iter(self.make_loader(self.step))
                return next(self._batches)
            except (RuntimeError, EOFError, OSError) as error:
                # A worker killed while handing over a batch shows as a broken connection.
                if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
                    raise
                self._batches = None
                if attempt == _RESTARTS:
                    raise WorkersDiedError(
                        f"loader workers died {_RESTARTS + 1} times at step {self.step}: {error}. "
                        "Mostly memory ran out: lower --num-workers or --batch-size-per-gpu; in a "
                        "container, raise its shared memory"
                    ) from error
                print(f"a loader worker died ({error}); starting anew", file=sys.stderr)
        raise AssertionError  # the loop returns or raises

    def take_waited(self) -> float:
        """Return the seconds waited since the last call."""
        waited, self.waited = self.waited, 0.0
        return waited

    def close(self) -> None:
        """Stop the workers."""
        self._batches = None


def to_device(batch: Batch, device: torch.device, channels: int) -> list[Tensor]:
    """Bring the crops of a batch to the device, recolour them where that is left, normalise."""
    crops = []
    for number, crop in enumerate(batch.crops):
        images = crop.to(device, non_blocking=True).permute(0, 3, 1, 2)
        if batch.tables:
            images = recolor_batch(images, batch.tables[number])
        crops.append(normalize(images, channels).contiguous())
    return crops
