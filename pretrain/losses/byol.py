"""BYOL's objective (J.-B. Grill et al., "Bootstrap your own latent", 2020, equation 2).

Shapes as in `pretrain.losses.dino`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from pretrain.losses.objective import LossOutput, Objective, pair_weights


class BYOLLoss(Objective):
    """Squared distance of the student's predictions to the teacher's projections, both of length 1.

    The two directions are added, as in the paper: 2 (2 - 2 cos) where all pairs are alike.
    """

    @torch.no_grad()
    def targets(self, teacher: Tensor, epoch: int) -> Tensor:
        """Return the projections at length 1, (G, B, K) float32."""
        return F.normalize(teacher.float(), dim=-1)

    def forward(self, student: Tensor, targets: Tensor) -> LossOutput:
        """Average over pairs and batch, and count both directions."""
        prediction = F.normalize(student.float(), dim=-1)
        weights = pair_weights(len(targets), len(student), student.device)
        with torch.autocast(student.device.type, enabled=False):
            cosine = torch.einsum("gbk,vbk->gv", targets, prediction) / targets.shape[1]
            mean_cosine = (cosine * weights).sum()
        loss = 2 * (2 - 2 * mean_cosine)
        return LossOutput(loss, {"cosine": mean_cosine.detach()})
