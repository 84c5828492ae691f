"""What a student learns from a teacher, whatever the loss.

Shapes: G global views, V views, B images of a step, K outputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass
class LossOutput:
    """A loss and what is worth watching beside it."""

    loss: Tensor
    """() float32, with gradient."""
    parts: dict[str, Tensor] = field(default_factory=dict)
    """Named () values without gradient, each a mean over this process's images."""


class Objective(nn.Module, ABC):
    """What a student learns from a teacher.

    A step asks for the targets of all its images at once, then for the loss of each accumulated
    batch, then tells the objective to take note of the teacher's outputs. So accumulation gives
    the gradients of one large batch.
    """

    @abstractmethod
    def targets(self, teacher: Tensor, epoch: int) -> Tensor:
        """Turn teacher outputs (G, B, K) of a whole step into targets (G, B, *)."""

    @abstractmethod
    def forward(self, student: Tensor, targets: Tensor) -> LossOutput:
        """Compare student outputs (V, b, K) with the targets (G, b, *) of the same images."""

    def update(self, teacher: Tensor) -> None:
        """Take note of the teacher outputs (G, B, K) after a step that was kept."""


def pair_weights(global_views: int, views: int, device: torch.device) -> Tensor:
    """Return (G, V): equal weights over all pairs of different views, 0 for the same view."""
    weights = torch.ones(global_views, views, device=device)
    weights.fill_diagonal_(0.0)
    return weights / weights.sum()


def entropy(probabilities: Tensor, log_probabilities: Tensor) -> Tensor:
    """Return the mean entropy in nats over all but the last axis; 0 log 0 counts as 0."""
    terms = torch.where(probabilities > 0, probabilities * log_probabilities, 0.0)
    return -terms.sum(dim=-1).mean()
