"""Batches on the device, in step with the learner, through dying workers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from pretrain.data.dataset import Batch, SampleError
from pretrain.data.device_augmentations import normalize, recolor_batch
from vos.errors import InputError

_RESTARTS = 3
_FROM_A_WORKER = "Caught "  # how PyTorch begins the text of an error that a worker raised


class WorkersDiedError(RuntimeError):
    """Loader workers keep dying at the same step."""


class DeviceBatches:
    """Crops for one step after another.

    Workers that die (memory, a crash in a decoder) are started again at the same step; nothing
    is lost by it, as every step knows its samples.

    Args:
        make_loader: builds a loader that starts at a given step.
        first_step: the step to start at.
        device: where crops go.
        channels: image channels of the network.
        parts: batches that make up a step.
    """

    def __init__(
        self,
        make_loader: Callable[[int], DataLoader[Batch]],
        first_step: int,
        device: torch.device,
        channels: int = 3,
        parts: int = 1,
    ) -> None:
        self.make_loader = make_loader
        self.parts = parts
        self.step = first_step
        self.device = device
        self.channels = channels
        self.wait_seconds = 0.0
        """Seconds spent waiting for workers since the last look."""
        self.broken: dict[str, str] = {}
        """Samples that could not be read, and why."""
        self._batches: Iterator[Batch] | None = None

    def next(self) -> list[Tensor]:
        """Return the V crops of the next step, (B, C, S, S) float32 on the device.

        Raises:
            WorkersDiedError: workers keep dying at the same step.
            InputError: too many samples in a row cannot be read.
            OSError: the cache for shards cannot be written to.
            SampleError: a sample cannot be used, for another reason than a broken image.
        """
        start = time.perf_counter()
        batches = self._next_batches()
        self.wait_seconds += time.perf_counter() - start
        self.step += 1
        for batch in batches:
            self.broken.update(batch.broken)
        parts = [to_device(batch, self.device, self.channels) for batch in batches]
        return parts[0] if len(parts) == 1 else [torch.cat(p) for p in zip(*parts, strict=True)]

    def _next_batches(self) -> list[Batch]:
        for attempt in range(_RESTARTS + 1):
            try:
                if self._batches is None:
                    self._batches = iter(self.make_loader(self.step))
                return [next(self._batches) for _ in range(self.parts)]
            except (InputError, RuntimeError, EOFError, OSError, MemoryError) as error:
                if not _is_death(error):
                    raise _plain(error) from error
                self._batches = None
                if attempt == _RESTARTS:
                    raise WorkersDiedError(
                        f"loader workers died {_RESTARTS + 1} times at step {self.step}: {error}. "
                        "Mostly memory ran out: lower --num-workers or --batch-size-per-gpu; in a "
                        "container, raise its shared memory"
                    ) from error
                print(f"a loader worker died ({error}); starting anew", file=sys.stderr)
        raise AssertionError  # the loop returns or raises

    def take_wait_seconds(self) -> float:
        """Return the seconds waited since the last call."""
        seconds, self.wait_seconds = self.wait_seconds, 0.0
        return seconds

    def close(self) -> None:
        """Stop the workers."""
        self._batches = None


def _is_death(error: Exception) -> bool:
    """Whether a worker is gone; one killed while it hands a batch over breaks the connection."""
    if str(error).startswith(_FROM_A_WORKER):
        return False
    broken = isinstance(error, EOFError | ConnectionError | FileNotFoundError)
    return broken or "DataLoader worker" in str(error)


def _plain(error: Exception) -> Exception:
    """Take the traceback out of the text of a worker's error, where the text is for the user."""
    if not str(error).startswith(_FROM_A_WORKER) or not isinstance(
        error, InputError | OSError | MemoryError | SampleError
    ):
        return error
    _, _, message = str(error).strip().splitlines()[-1].partition(": ")
    return type(error)(message)


def to_device(batch: Batch, device: torch.device, channels: int) -> list[Tensor]:
    """Bring the crops of a batch to the device, recolour them where that is left, normalise."""
    crops = []
    for number, crop in enumerate(batch.crops):
        # (B, S, S, 3) -> (B, 3, S, S)
        images = crop.to(device, non_blocking=True).permute(0, 3, 1, 2)
        if batch.tables:
            images = recolor_batch(images, batch.tables[number])
        crops.append(normalize(images, channels).contiguous())
    return crops
