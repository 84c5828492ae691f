"""Sinkhorn-Knopp over all processes.

Shapes: N samples of this process, K outputs.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from pretrain.distributed import process_count, sum_over_processes


def sinkhorn_knopp(scores: Tensor, iterations: int) -> Tensor:
    """Spread samples evenly over outputs: alternate normalisation of rows and columns.

    Args:
        scores: (N, K) logits already divided by their temperature; N samples of this process.
        iterations: rounds.

    Returns:
        (N, K) float32, each row summing to 1.
    """
    plan = torch.exp(scores.float() - _max_over_processes(scores))
    plan /= sum_over_processes(plan.sum())
    samples, outputs = scores.shape[0] * process_count(), scores.shape[1]
    for _ in range(iterations):
        plan /= sum_over_processes(plan.sum(dim=0, keepdim=True)).clamp_min(1e-30) * outputs
        plan /= plan.sum(dim=1, keepdim=True).clamp_min(1e-30) * samples
    return plan * samples


def _max_over_processes(scores: Tensor) -> Tensor:
    largest = scores.max().float()
    if dist.is_initialized():
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return largest
