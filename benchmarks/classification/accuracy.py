"""How often the true class is among the first.

Shapes: B batch, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor


def top_hits(logits: Tensor, labels: Tensor) -> Tensor:
    """Count the images whose class is the likeliest, and among the five likeliest.

    Args:
        logits: (..., B, C).
        labels: (B,) int64, on the same device.

    Returns:
        (..., 2) int64.
    """
    best = logits.topk(min(5, logits.shape[-1]), dim=-1).indices
    hit = best == labels[:, None]
    return torch.stack([hit[..., 0].sum(-1), hit.any(-1).sum(-1)], dim=-1)
