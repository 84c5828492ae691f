"""From sources to batches of crops: deterministic, whatever the number of workers.

Every sample draws its crops from a generator seeded by (seed, epoch, position), and every step
takes fixed positions of the epoch's order. So one seed gives one run, a run can start at any
step, and a batch is the same however many processes share it.

Shapes: V crops an image, B images of a process's batch, S side of a crop.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from pretrain.augment import CropParameters, recipes
from pretrain.augment_batch import pack
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.crops import crops_of_frame, make_crops
from pretrain.sources.decode import BrokenImageError
from pretrain.sources.mixture import Mixture
from vos.errors import InputError

_REPLACEMENTS = 50
_MOST_WORKERS = 10
Key = tuple[int, int, int]
"""Epoch, position in the epoch's order, sample number."""


@dataclass
class Batch:
    """The crops of B images."""

    crops: list[Tensor]
    """V tensors (B, S, S, 3) uint8 RGB."""
    tables: list[Tensor]
    """V tables (B, 12) of colour parameters for the device; empty where the workers did it."""
    broken: list[tuple[str, str]] = field(default_factory=list)
    """Names of samples that could not be read, and why; others took their place."""

    def pin_memory(self) -> Batch:
        """Move to page-locked memory; the loader calls this."""
        self.crops = [crop.pin_memory() for crop in self.crops]
        self.tables = [table.pin_memory() for table in self.tables]
        return self


@dataclass
class _Sample:
    crops: list[np.ndarray]
    parameters: list[CropParameters]
    broken: list[tuple[str, str]]


class CropDataset(Dataset[Any]):
    """Crops of the samples of a mixture, by key."""

    def __init__(self, mixture: Mixture, config: PretrainConfig, colors: bool) -> None:
        self.mixture = mixture
        self.kinds = recipes(config)
        self.seed = config.seed
        self.colors = colors

    def __len__(self) -> int:
        return len(self.mixture)

    def __getitem__(self, key: Key) -> _Sample:
        epoch, position, index = key
        random = np.random.default_rng([self.seed, epoch, position])
        broken: list[tuple[str, str]] = []
        for _ in range(_REPLACEMENTS):
            try:
                crops, parameters = self._crops(index, random)
                return _Sample(crops, parameters, broken)
            except BrokenImageError as error:
                broken.append((self.mixture.name(index), str(error)))
                index = int(random.integers(len(self.mixture)))
        name, why = broken[-1]
        raise InputError(
            f"{_REPLACEMENTS} samples drawn one after another could not be read, the last one "
            f"{name} ({why}); run `vos-pretrain check-data` on the data"
        )

    def _crops(
        self, index: int, random: np.random.Generator
    ) -> tuple[list[np.ndarray], list[CropParameters]]:
        source, inner = self.mixture.locate(index)
        data = source.read(inner, random)
        if isinstance(data, bytes):
            return make_crops(data, self.kinds, random, colors=self.colors)
        return crops_of_frame(data, self.kinds, random, colors=self.colors)


class StepSampler(Sampler[list[Key]]):
    """The keys of this process's share of every step, from any step to the end of the run.

    Args:
        mixture: the samples.
        seed: of the epochs' orders.
        steps_per_epoch: optimiser steps in an epoch; what does not fill a step is left out.
        first_step: the step to start at.
        steps: the step to stop before.
        share: images of this process in a step.
        parts: lists that a step's keys come in, so that workers load a large step together.
        rank: number of this process.
        world: number of processes.
    """

    def __init__(
        self,
        mixture: Mixture,
        *,
        seed: int,
        steps_per_epoch: int,
        first_step: int,
        steps: int,
        share: int,
        parts: int,
        rank: int,
        world: int,
    ) -> None:
        self.mixture = mixture
        self.seed = seed
        self.steps_per_epoch = steps_per_epoch
        self.first_step = first_step
        self.steps = steps
        self.share = share
        self.parts = parts
        self.rank = rank
        self.world = world

    def __len__(self) -> int:
        return max(self.steps - self.first_step, 0) * self.parts

    def __iter__(self) -> Iterator[list[Key]]:
        order, current = np.empty(0, dtype=np.int64), -1
        for step in range(self.first_step, self.steps):
            epoch, inner = divmod(step, self.steps_per_epoch)
            if epoch != current:
                order, current = self.mixture.epoch(self.seed, epoch), epoch
            start = (inner * self.world + self.rank) * self.share
            for places in np.split(np.arange(start, start + self.share), self.parts):
                yield [(epoch, int(at), int(order[at])) for at in places]


def steps_per_epoch(samples: int, step_size: int) -> int:
    """Return how many full steps of `step_size` images an epoch has.

    Raises:
        InputError: not even one.
    """
    if samples < step_size:
        raise InputError(
            f"{samples} samples do not fill one step of {step_size} images (batch_size_per_gpu x "
            "accumulate x processes); lower --batch-size-per-gpu or --accumulate"
        )
    return samples // step_size


def cores_left() -> int:
    """Return how many cores this machine has for each training process beside its own, 1 to 10."""
    known = hasattr(os, "sched_getaffinity")  # not on macOS
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return min(max(cores // processes - 1, 1), _MOST_WORKERS)


def build_loader(
    dataset: CropDataset, sampler: StepSampler, workers: int, pin_memory: bool
) -> DataLoader[Batch]:
    """Build the loader of one process.

    Workers come from a fork server: a plain fork of a process whose libraries run threads can
    leave them waiting for ever.
    """
    context = None
    if workers:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["pretrain.data"])
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        collate_fn=collate if dataset.colors else collate_with_tables,
        pin_memory=pin_memory,
        worker_init_fn=_prepare_worker,
        prefetch_factor=3 if workers else None,
        multiprocessing_context=context,
    )


def _prepare_worker(_worker: int) -> None:
    """Keep a worker on one core, leave signals to the training process, and end with it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        # PyTorch's own watch looks at the fork server, which outlives a process that is killed.
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def collate(samples: list[_Sample]) -> Batch:
    """Stack samples crop by crop."""
    views = zip(*(sample.crops for sample in samples), strict=True)
    crops = [torch.from_numpy(np.stack(view)) for view in views]
    broken = [entry for sample in samples for entry in sample.broken]
    return Batch(crops, [], broken)


def collate_with_tables(samples: list[_Sample]) -> Batch:
    """Stack samples and write down what the device has to do to their colours."""
    batch = collate(samples)
    views = zip(*(sample.parameters for sample in samples), strict=True)
    batch.tables = [pack(view) for view in views]
    return batch
