"""Batches of crops in a fixed order, whatever the number of workers.

Every step takes fixed positions of the epoch's order. So one seed gives one run, a run can start at
any step, and a batch is the same however many processes share it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from pretrain.data.dataset import Batch, CropDataset, Key, collate, collate_with_tables
from pretrain.sources.mixture import Mixture
from vos.errors import InputError


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
        size: number of processes.
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
        size: int,
    ) -> None:
        self.mixture = mixture
        self.seed = seed
        self.steps_per_epoch = steps_per_epoch
        self.first_step = first_step
        self.steps = steps
        self.share = share
        self.parts = parts
        self.rank = rank
        self.size = size

    def __len__(self) -> int:
        return max(self.steps - self.first_step, 0) * self.parts

    def __iter__(self) -> Iterator[list[Key]]:
        order, current = np.empty(0, dtype=np.int64), -1
        for step in range(self.first_step, self.steps):
            epoch, inner = divmod(step, self.steps_per_epoch)
            if epoch != current:
                order, current = self.mixture.epoch(self.seed, epoch), epoch
            start = (inner * self.size + self.rank) * self.share
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
            "accumulate x processes); lower --batch-size-per-gpu, --accumulate or --total-batch"
        )
    return samples // step_size


def cores_left() -> int:
    """Return how many cores each training process of this machine has beside its own, or 1."""
    known = hasattr(os, "sched_getaffinity")  # not on macOS
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(cores // processes - 1, 1)


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
        context.set_forkserver_preload(["pretrain.data.loader"])
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
