"""Watching a run for collapse, and saying in plain words what it looks like.

Two ways in which self-distillation fails (M. Caron et al., ICCV 2021, section 5.3): the teacher's
output becomes uniform (its entropy goes to ln K) or one output takes all (its entropy goes to 0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

_MEMORY = 0.98  # of the moving averages: about 50 steps
_NEAR = 0.01  # share of ln K that counts as near
_LITTLE_SPREAD = 0.05
_COMMON_AT_FIRST = ("uniform", "stuck")
_EARLY = ". This is common during the warm-up of the learning rate, which ends at step {}"


@dataclass
class CollapseWatch:
    """Moving averages of a few measures, and the sentences they call for.

    Args:
        out_dim: outputs K of the head.
        patience: steps before the first judgement, and between two of the same sentence.
        warmup: the run's step at which the learning rate's warm-up is over.
    """

    out_dim: int
    patience: int = 300
    warmup: int = 0
    _average: dict[str, float] = field(default_factory=dict)
    _steps: int = 0
    _last_warning: dict[str, int] = field(default_factory=dict)

    def update(self, step: int, stats: Mapping[str, float]) -> list[str]:
        """Take note of the run's step and return the sentences that are due, mostly none."""
        if stats.get("skipped"):
            return []
        self._steps += 1
        for name in ("cross_entropy", "teacher_entropy", "mean_target_entropy", "feature_std"):
            if name in stats:
                old = self._average.get(name, stats[name])
                self._average[name] = _MEMORY * old + (1 - _MEMORY) * stats[name]
        if self._steps < self.patience:
            return []
        due = []
        for kind, sentence in self._judge().items():
            if self._steps - self._last_warning.get(kind, -self.patience) >= self.patience:
                self._last_warning[kind] = self._steps
                early = step < self.warmup and kind in _COMMON_AT_FIRST
                due.append(sentence + _EARLY.format(self.warmup) if early else sentence)
        return due

    def _judge(self) -> dict[str, str]:
        uniform = math.log(self.out_dim)
        sentences: dict[str, str] = {}
        average = self._average
        teacher = average.get("teacher_entropy")
        loss = average.get("cross_entropy")
        if teacher is not None and teacher > (1 - _NEAR) * uniform:
            sentences["uniform"] = (
                f"the teacher's entropy is {teacher:.3f}, ln(out_dim) is {uniform:.3f}: its output "
                "is uniform, so there is nothing to learn from. Lower teacher_temp and "
                "warmup_teacher_temp (to 0.04), keep norm_last_layer true, or take targets "
                "sinkhorn; for little data lower out_dim"
            )
        elif loss is not None and abs(loss - uniform) < _NEAR * uniform:
            sentences["stuck"] = (
                f"the loss stays at {loss:.3f}, about ln(out_dim) = {uniform:.3f}: the student "
                "tells nothing apart. Lower warmup_teacher_temp (to 0.04) or lr, or take a longer "
                "warm-up"
            )
        if teacher is not None and teacher < _NEAR * uniform:
            sentences["one"] = self._one_output(teacher, uniform)
        spread = average.get("feature_std")
        if spread is not None and spread < _LITTLE_SPREAD:
            sentences["spread"] = (
                f"the spread of the features is {spread:.3f} (1 is a full sphere, 0 one point): "
                "all images look alike to the network. Lower lr, raise momentum_teacher, and keep "
                "the last layer frozen for longer (freeze_last_layer)"
            )
        return sentences

    def _one_output(self, teacher: float, uniform: float) -> str:
        over_images = self._average.get("mean_target_entropy", 0.0)
        if over_images < 10 * _NEAR * uniform:
            return (
                f"the teacher's entropy is {teacher:.4f} and all images get the same output: it "
                "has collapsed to one dimension. Raise teacher_temp, lower center_momentum so "
                "that the center follows faster, or raise momentum_teacher"
            )
        return (
            f"the teacher's entropy is {teacher:.4f}: it is as good as certain of every image. "
            "Raise teacher_temp (up to 0.07), or take fewer outputs (out_dim) for little data"
        )
