"""What the class token attends to (Caron et al. 2021, Figures 1 and 4).

Shapes: N patches.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vos.files import InputError


def top_mass(attention: Tensor, mass: float) -> Tensor:
    """Mark the patches that carry the given share of the attention, the strongest first.

    The patches in rising order are summed up; those at which the sum is above 1 - mass are kept,
    so the patch that crosses the border is in.

    Args:
        attention: (..., N) float, not negative; each row is divided by its own sum.
        mass: share to keep, above 0 and at most 1.

    Returns:
        (..., N) bool.

    Raises:
        InputError: `mass` is out of its range.
    """
    if not 0 < mass <= 1:
        raise InputError(f"attention mass is {mass}; expected a share above 0 and at most 1")
    rising, order = attention.sort(dim=-1)
    shares = rising / rising.sum(dim=-1, keepdim=True)
    kept = shares.cumsum(dim=-1) > 1 - mass
    return torch.zeros_like(kept).scatter_(-1, order, kept)
