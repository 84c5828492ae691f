"""MoCo-v2's objective (K. He et al., 2020, equation 1; X. Chen et al., 2020, temperature 0.2).

Shapes as in `pretrain.losses.dino`; Q negatives in the queue.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from pretrain.losses.objective import LossOutput, Objective, pair_weights


class MoCoLoss(Objective):
    """InfoNCE of a query against the key of another view and a queue of older keys.

    Every pair of different views counts once, so both global views serve as query and as key.

    Args:
        out_dim: width K of queries and keys.
        queue_size: negatives Q kept.
        temperature: temperature of the softmax.
    """

    queue: Tensor
    queue_position: Tensor

    def __init__(self, out_dim: int, queue_size: int = 65536, temperature: float = 0.2) -> None:
        super().__init__()
        self.temperature = temperature
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(queue_size, out_dim, generator=generator)
        self.register_buffer("queue", F.normalize(start, dim=-1))
        self.register_buffer("queue_position", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def targets(self, teacher: Tensor, epoch: int) -> Tensor:
        """Return the keys, (G, B, K) float32 of length 1."""
        return F.normalize(teacher.float(), dim=-1)

    def forward(self, student: Tensor, targets: Tensor) -> LossOutput:
        """Average the InfoNCE loss over pairs and batch."""
        query = F.normalize(student.float(), dim=-1)
        weights = pair_weights(len(targets), len(student), student.device)
        with torch.autocast(student.device.type, enabled=False):
            positive = torch.einsum("gbk,vbk->gvb", targets, query) / self.temperature
            negative = query @ self.queue.T / self.temperature
            spread = torch.logsumexp(negative, dim=-1)
            per_image = torch.logaddexp(positive, spread[None]) - positive
        loss = (per_image.mean(dim=-1) * weights).sum()
        first = (positive.detach() > negative.detach().amax(dim=-1)[None]).float()
        accuracy = (first.mean(dim=-1) * weights).sum()
        return LossOutput(loss, {"contrast_accuracy": accuracy})

    @torch.no_grad()
    def update(self, teacher: Tensor) -> None:
        """Put the keys of all processes in the place of the oldest ones."""
        keys = F.normalize(teacher.float(), dim=-1)
        if dist.is_initialized():
            gathered = [torch.empty_like(keys) for _ in range(dist.get_world_size())]
            dist.all_gather(gathered, keys.contiguous())
            keys = torch.cat(gathered, dim=1)
        flat = keys.flatten(0, 1)[-len(self.queue) :]  # (G, B, K) -> (at most Q, K)
        places = (self.queue_position + torch.arange(len(flat), device=flat.device)) % len(
            self.queue
        )
        self.queue[places] = flat
        self.queue_position.copy_((self.queue_position + len(flat)) % len(self.queue))
