"""The DINO loss and the variants of it that Table 7 compares.

M. Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021,
section 3.1 (equations 1 to 4) and Table 7; Sinkhorn-Knopp after M. Caron et al., SwAV, 2020.

Shapes: G global views (the teacher's), V views (the student's, the global ones first), B images
of this process, K outputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F


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


def world_sum(values: Tensor) -> Tensor:
    """Add `values` over all processes, in place, and return them."""
    if dist.is_initialized():
        dist.all_reduce(values)
    return values


def world_size() -> int:
    """Return the number of processes of the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def sinkhorn_knopp(scores: Tensor, iterations: int) -> Tensor:
    """Spread samples evenly over outputs: alternate normalisation of rows and columns.

    Args:
        scores: (N, K) logits already divided by their temperature; N samples of this process.
        iterations: rounds.

    Returns:
        (N, K) float32, each row summing to 1.
    """
    plan = torch.exp(scores.float() - _world_max(scores))
    plan /= world_sum(plan.sum())
    samples, outputs = scores.shape[0] * world_size(), scores.shape[1]
    for _ in range(iterations):
        plan /= world_sum(plan.sum(dim=0, keepdim=True)).clamp_min(1e-30) * outputs
        plan /= plan.sum(dim=1, keepdim=True).clamp_min(1e-30) * samples
    return plan * samples


def _world_max(scores: Tensor) -> Tensor:
    largest = scores.max().float()
    if dist.is_initialized():
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return largest


def pair_weights(global_views: int, views: int, device: torch.device) -> Tensor:
    """Return (G, V): equal weights over all pairs of different views, 0 for the same view."""
    weights = torch.ones(global_views, views, device=device)
    weights.fill_diagonal_(0.0)
    return weights / weights.sum()


def entropy(probabilities: Tensor, log_probabilities: Tensor) -> Tensor:
    """Return the mean entropy in nats over all but the last axis; 0 log 0 counts as 0."""
    terms = torch.where(probabilities > 0, probabilities * log_probabilities, 0.0)
    return -terms.sum(dim=-1).mean()


class DINOLoss(Objective):
    """Cross-entropy (or MSE) between teacher and student distributions of different views.

    Args:
        out_dim: outputs K.
        teacher_temp: temperature of each epoch, (epochs,) floats.
        student_temp: temperature of the student.
        center_momentum: momentum of the center.
        method: "centering" or "sinkhorn".
        comparison: "cross_entropy", or "mse": the squared distance of the two distributions.
        sinkhorn_iterations: rounds of Sinkhorn-Knopp.
    """

    center: Tensor

    def __init__(
        self,
        out_dim: int,
        teacher_temp: list[float],
        *,
        student_temp: float = 0.1,
        center_momentum: float = 0.9,
        method: str = "centering",
        comparison: str = "cross_entropy",
        sinkhorn_iterations: int = 3,
    ) -> None:
        super().__init__()
        self.teacher_temp = teacher_temp
        self.student_temp = student_temp
        self.center_momentum = center_momentum
        self.method = method
        self.comparison = comparison
        self.sinkhorn_iterations = sinkhorn_iterations
        self.register_buffer("center", torch.zeros(1, out_dim))

    @torch.no_grad()
    def targets(self, teacher: Tensor, epoch: int) -> Tensor:
        """Return the teacher's distributions, (G, B, K) float32."""
        temperature = self.teacher_temp[min(epoch, len(self.teacher_temp) - 1)]
        if self.method == "sinkhorn":
            flat = teacher.float().flatten(0, 1) / temperature
            return sinkhorn_knopp(flat, self.sinkhorn_iterations).view_as(teacher)
        return F.softmax((teacher.float() - self.center) / temperature, dim=-1)

    def forward(self, student: Tensor, targets: Tensor) -> LossOutput:
        """Average the comparison over all pairs of different views and the batch."""
        log_student = F.log_softmax(student.float() / self.student_temp, dim=-1)
        weights = pair_weights(len(targets), len(student), student.device)
        with torch.autocast(student.device.type, enabled=False):
            cross = -torch.einsum("gbk,vbk->gv", targets, log_student) / targets.shape[1]
            if self.comparison == "mse":
                loss = (_squared_distances(targets, log_student.exp()) * weights).sum()
            else:
                loss = (cross * weights).sum()
        return LossOutput(loss, self._parts(targets, log_student.detach(), cross, weights))

    @torch.no_grad()
    def _parts(
        self, targets: Tensor, log_student: Tensor, cross: Tensor, weights: Tensor
    ) -> dict[str, Tensor]:
        teacher_entropy = entropy(targets, targets.log())
        cross_entropy = (cross * weights).sum()
        mean_target = targets.mean(dim=(0, 1))
        return {
            "cross_entropy": cross_entropy,
            "kl": cross_entropy - teacher_entropy,
            "teacher_entropy": teacher_entropy,
            "student_entropy": entropy(log_student.exp(), log_student),
            "mean_target_entropy": entropy(mean_target, mean_target.log()),
            "center_norm": self.center.norm(),
        }

    @torch.no_grad()
    def update(self, teacher: Tensor) -> None:
        """Move the center towards the mean of the teacher's outputs over all processes."""
        views, batch, _ = teacher.shape
        total = world_sum(teacher.float().sum(dim=(0, 1)).unsqueeze(0))
        mean = total / (views * batch * world_size())
        self.center.mul_(self.center_momentum).add_(mean, alpha=1 - self.center_momentum)


def _squared_distances(targets: Tensor, student: Tensor) -> Tensor:
    rows = [(targets - view).square().sum(dim=-1).mean(dim=-1) for view in student]
    return torch.stack(rows, dim=1)
