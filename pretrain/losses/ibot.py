"""The iBOT loss: the teacher's distributions of patches that the student does not see.

J. Zhou et al., "iBOT: Image BERT Pre-Training with Online Tokenizer", ICLR 2022, equation 2.
Shapes: n masked patches of all images of a step or a part of it, K outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pretrain.distributed import sum_over_processes
from pretrain.losses.sinkhorn import sinkhorn_knopp


class IBOTLoss(nn.Module):
    """Cross-entropy between teacher and student distributions of masked patches.

    Args:
        out_dim: outputs K.
        teacher_temp: temperature of each epoch, (epochs,) floats.
        student_temp: temperature of the student.
        center_momentum: momentum of the patches' own center.
        method: "centering" or "sinkhorn".
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
        sinkhorn_iterations: int = 3,
    ) -> None:
        super().__init__()
        self.teacher_temp = teacher_temp
        self.student_temp = student_temp
        self.center_momentum = center_momentum
        self.method = method
        self.sinkhorn_iterations = sinkhorn_iterations
        self.register_buffer("center", torch.zeros(1, out_dim))

    @torch.no_grad()
    def targets(self, teacher: Tensor, epoch: int) -> Tensor:
        """Return the teacher's distributions (n, K) of all masked patches of a step, float32."""
        temperature = self.teacher_temp[min(epoch, len(self.teacher_temp) - 1)]
        if self.method == "sinkhorn":
            count = int(sum_over_processes(self._count(teacher)))
            return sinkhorn_knopp(teacher.float() / temperature, self.sinkhorn_iterations, count)
        return F.softmax((teacher.float() - self.center) / temperature, dim=-1)

    def forward(self, student: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the weighted sum of cross-entropies, (), with gradient.

        Args:
            student: outputs (n, K).
            targets: (n, K) of the same patches.
            weights: (n,) see `patch_weights`.
        """
        with torch.autocast(student.device.type, enabled=False):
            log_student = F.log_softmax(student.float() / self.student_temp, dim=-1)
            return -((targets * log_student).sum(dim=-1) * weights).sum()

    @torch.no_grad()
    def update(self, teacher: Tensor) -> None:
        """Move the center towards the mean output of the masked patches of all processes."""
        total = sum_over_processes(teacher.float().sum(dim=0, keepdim=True))  # (1, K)
        count = sum_over_processes(self._count(teacher))
        mean = torch.where(count > 0, total / count.clamp_min(1), self.center)
        self.center.mul_(self.center_momentum).add_(mean, alpha=1 - self.center_momentum)

    @staticmethod
    def _count(teacher: Tensor) -> Tensor:
        return torch.tensor(float(len(teacher)), device=teacher.device)


def patch_weights(masked: Tensor) -> Tensor:
    """Weigh masked patches so that their sum is a mean over crops of means over a crop's patches.

    A crop in which nothing is masked counts with 0.

    Args:
        masked: (N, h, w) bool.

    Returns:
        (n,) float32 in the order of `masked.nonzero()`.
    """
    counts = masked.flatten(1).sum(dim=1)  # (N,)
    of_crop = 1.0 / (counts.clamp_min(1) * len(masked))
    return of_crop[:, None, None].expand(masked.shape)[masked]
