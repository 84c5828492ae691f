"""Functions of the caller's that look on while a run trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pretrain.training.learner import Learner


@dataclass(frozen=True)
class StepReport:
    """What a callback gets to see after each step."""

    step: int
    """Steps done since the run began, over all resumptions."""
    steps: int
    """Steps of the whole run."""
    numbers: Mapping[str, float]
    """Means over all processes by the names of log.jsonl (loss, lr, grad_norm, ...). In the
    leading process, after a look at the teacher, also what the probes gave (knn_top1, ...)."""
    learner: Learner = field(repr=False)
    """Student, teacher and optimiser. `learner.teacher.backbone` maps (B, C, H, W) to (B, D)."""


Callback: TypeAlias = Callable[[StepReport], object]
"""Called after each step in every process. True ends the run, once it has saved a checkpoint."""


def asks_to_stop(callbacks: Sequence[Callback], report: StepReport) -> bool:
    """Call all of them, and say whether one ends the run."""
    answers = [callback(report) for callback in callbacks]
    return any(answer is True for answer in answers)
