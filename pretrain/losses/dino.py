"""The DINO loss and the variants of it that Table 7 compares.

M. Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021,
section 3.1 (equations 1 to 4) and Table 7; Sinkhorn-Knopp after M. Caron et al., SwAV, 2020.

Shapes: G global views (the teacher's), V views (the student's, the global ones first), B images
of this process, K outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from pretrain.distributed import process_count, sum_over_processes
from pretrain.losses.objective import LossOutput, Objective, entropy, pair_weights
from pretrain.losses.sinkhorn import sinkhorn_knopp


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
            flat = teacher.float().flatten(0, 1) / temperature  # (G, B, K) -> (G * B, K)
            targets = sinkhorn_knopp(flat, self.sinkhorn_iterations)
            return targets.view_as(teacher)  # (G * B, K) -> (G, B, K)
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
        total = sum_over_processes(teacher.float().sum(dim=(0, 1)).unsqueeze(0))  # (1, K)
        mean = total / (views * batch * process_count())
        self.center.mul_(self.center_momentum).add_(mean, alpha=1 - self.center_momentum)


def _squared_distances(targets: Tensor, student: Tensor) -> Tensor:
    rows = [(targets - view).square().sum(dim=-1).mean(dim=-1) for view in student]
    return torch.stack(rows, dim=1)
