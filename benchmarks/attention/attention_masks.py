"""Masks of the class token's attention, and how well each head's fits a true mask.

Shapes: A heads, M true masks, H W pixels, h w patches.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from benchmarks.attention.masked_images import object_ids
from vos.backbones.backbone import Backbone
from vos.backbones.input_size import DEFAULT_SHORT_SIDE
from vos.features.attention import top_mass
from vos.runtime.devices import as_float64


@torch.no_grad()
def attention_jaccards(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    ids: NDArray[np.uint8],
    mass: float,
    short_side: int = DEFAULT_SHORT_SIDE,
) -> list[list[float]]:
    """Return each head's Jaccard similarity with each object of a picture.

    Args:
        backbone: one with class attention, a DINO ViT.
        pixels: RGB uint8 (H, W, 3).
        ids: uint8 (H, W); 0 is background, 255 void, which belongs to no object.
        mass: share of the attention that a mask keeps.
        short_side: pixels of the shorter side of what the network sees.

    Returns:
        (M, A) from 0 to 1, the objects in the order of their ids.
    """
    objects = object_ids(ids)
    if not objects:
        return []
    inputs = backbone.preprocess(pixels, short_side=short_side, size_multiple=backbone.stride)
    attention = backbone.class_attention(inputs)[0].cpu()
    kept = top_mass(attention.flatten(1), mass).view_as(attention)  # (A, h w) -> (A, h, w)
    masks = masks_at_size(kept, (ids.shape[0], ids.shape[1]))
    return [head_jaccards(masks, torch.from_numpy(ids == number)).tolist() for number in objects]


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
    intersection = as_float64((masks & truth).sum((1, 2)))
    union = as_float64((masks | truth).sum((1, 2)))
    return torch.where(union > 0, intersection / union.clamp(min=1), torch.ones_like(union))
