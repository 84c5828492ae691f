"""Masks of what the class token attends to, against true masks (Caron et al. 2021, Figure 4).

Shapes: H W pixels, h w patches, A heads.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def masks_at_size(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring masks of patches to pixels, nearest: (A, h, w) bool -> (A, H, W) bool."""
    return F.interpolate(masks[None].float(), size=size, mode="nearest")[0] > 0


def head_jaccards(masks: Tensor, truth: Tensor) -> Tensor:
    """Return each head's Jaccard similarity with a true mask.

    Args:
        masks: (A, H, W) bool.
        truth: (H, W) bool.

    Returns:
        (A,) float64; 1 where both are empty.
    """
    intersection = (masks & truth).sum((1, 2)).double()
    union = (masks | truth).sum((1, 2)).double()
    return torch.where(union > 0, intersection / union.clamp(min=1), torch.ones_like(union))
