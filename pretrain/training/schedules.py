"""What changes during a run: learning rate, weight decay, momentum, temperature.

Formulas of M. Caron et al., ICCV 2021, section 3.2 (implementation details). Every schedule is a
float64 array with one value per optimiser step, except the teacher's temperature: one per epoch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pretrain.config.pretrain_config import PretrainConfig

REFERENCE_BATCH = 256  # the batch at which a configuration's learning rate is meant


def cosine(first: float, last: float, steps: int, warmup_steps: int = 0) -> np.ndarray:
    """Rise linearly from 0 to `first` (endpoint included), then follow half a cosine to `last`.

    Returns:
        (steps,) float64. The cosine starts at `first` and would reach `last` one step after
        the end.
    """
    warmup_steps = min(warmup_steps, steps)
    rest = steps - warmup_steps
    phase = np.arange(rest) * (math.pi / max(rest, 1))
    curve = last + (first - last) * 0.5 * (1 + np.cos(phase))
    return np.concatenate([np.linspace(0.0, first, warmup_steps), curve])


def linear_then_flat(first: float, last: float, epochs: int, warmup_epochs: int) -> np.ndarray:
    """Go linearly from `first` to `last` over the warm-up, then stay.

    Returns:
        (epochs,) float64.
    """
    flat = np.full(max(epochs - warmup_epochs, 0), last)
    return np.concatenate([np.linspace(first, last, warmup_epochs), flat])[:epochs]


@dataclass(frozen=True)
class Schedules:
    """All the schedules of a run."""

    lr: np.ndarray
    """(steps,) learning rate."""
    weight_decay: np.ndarray
    """(steps,) weight decay of the first parameter group."""
    momentum: np.ndarray
    """(steps,) momentum of the teacher."""
    teacher_temp: np.ndarray
    """(epochs,) temperature of the teacher's softmax."""
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return len(self.lr)


def warmup_steps(config: PretrainConfig, steps_per_epoch: int) -> int:
    """Return how many steps the learning rate rises for."""
    return int(config.warmup_epochs * steps_per_epoch)


def build_schedules(config: PretrainConfig, steps_per_epoch: int, total_batch: int) -> Schedules:
    """Lay out a run's schedules.

    Args:
        config: the run's hyper-parameters.
        steps_per_epoch: optimiser steps in one epoch.
        total_batch: images in one step, over all processes and accumulated batches.
    """
    steps = config.epochs * steps_per_epoch
    peak = config.lr * total_batch / REFERENCE_BATCH
    if config.teacher == "momentum":
        momentum = cosine(config.momentum_teacher, 1.0, steps)
    else:
        momentum = np.zeros(steps)
    return Schedules(
        lr=cosine(peak, config.min_lr, steps, warmup_steps(config, steps_per_epoch)),
        weight_decay=cosine(config.weight_decay, config.weight_decay_end, steps),
        momentum=momentum,
        teacher_temp=linear_then_flat(
            config.warmup_teacher_temp,
            config.teacher_temp,
            config.epochs,
            config.warmup_teacher_temp_epochs,
        ),
        steps_per_epoch=steps_per_epoch,
    )
