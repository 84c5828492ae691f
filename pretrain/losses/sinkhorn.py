"""Sinkhorn-Knopp over all processes.

Shapes: N samples of this process, K outputs.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from pretrain.distributed import world_size, world_sum


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
