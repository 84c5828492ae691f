"""SwAV's objective (M. Caron et al., "Unsupervised Learning of Visual Features by Contrasting
Cluster Assignments", 2020, equations 2 to 5).

Shapes as in `pretrain.losses.dino`; the K outputs are scores against K prototypes of length 1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from pretrain.losses.objective import LossOutput, Objective, entropy, pair_weights
from pretrain.losses.sinkhorn import sinkhorn_knopp


class SwAVLoss(Objective):
    """Predict the code of one view from the scores of another.

    Args:
        temperature: temperature of the predictions.
        epsilon: sharpness of the codes.
        iterations: rounds of Sinkhorn-Knopp.
    """

    def __init__(
        self, temperature: float = 0.1, epsilon: float = 0.05, iterations: int = 3
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.epsilon = epsilon
        self.iterations = iterations

    @torch.no_grad()
    def targets(self, teacher: Tensor, epoch: int) -> Tensor:
        """Return the codes of each view, (G, B, K) float32, spread evenly over the prototypes."""
        scores = teacher.float() / self.epsilon
        return torch.stack([sinkhorn_knopp(view, self.iterations) for view in scores])

    def forward(self, student: Tensor, targets: Tensor) -> LossOutput:
        """Average the cross-entropy of codes and predictions over pairs and batch."""
        log_student = F.log_softmax(student.float() / self.temperature, dim=-1)
        weights = pair_weights(len(targets), len(student), student.device)
        with torch.autocast(student.device.type, enabled=False):
            cross = -torch.einsum("gbk,vbk->gv", targets, log_student) / targets.shape[1]
        loss = (cross * weights).sum()
        parts = {
            "cross_entropy": loss.detach(),
            "teacher_entropy": entropy(targets, targets.log()),
            "student_entropy": entropy(log_student.detach().exp(), log_student.detach()),
        }
        return LossOutput(loss, parts)
