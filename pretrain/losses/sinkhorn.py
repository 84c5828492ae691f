"""Sinkhorn-Knopp over all processes.

Shapes: N samples of this process, K outputs.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from pretrain.distributed import process_count, sum_over_processes


def sinkhorn_knopp(scores: Tensor, iterations: int, samples: int | None = None) -> Tensor:
    """Spread samples evenly over outputs: alternate normalisation of rows and columns.

    Args:
        scores: (N, K) logits already divided by their temperature; N samples of this process.
        iterations: rounds.
        samples: of all processes together. None: every process has N.

    Returns:
        (N, K) float32, each row summing to 1.
    """
    plan = torch.exp(scores.float() - _max_over_processes(scores))
    plan /= sum_over_processes(plan.sum())
    outputs = scores.shape[1]
    samples = scores.shape[0] * process_count() if samples is None else samples
    for _ in range(iterations):
        plan /= sum_over_processes(plan.sum(dim=0, keepdim=True)).clamp_min(1e-30) * outputs
        plan /= plan.sum(dim=1, keepdim=True).clamp_min(1e-30) * samples
    return plan * samples


def _max_over_processes(scores: Tensor) -> Tensor:
    largest = (scores.max() if len(scores) else scores.new_tensor(-torch.inf)).float()
    if dist.is_initialized():
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return largest
