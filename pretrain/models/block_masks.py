"""Block masks of patches for the iBOT loss.

J. Zhou et al., iBOT, ICLR 2022, section 3 and appendix: blocks of random sizes and aspects, after
H. Bao et al., BEiT, ICLR 2022, algorithm 1.
Shapes: G global crops, B images, h w patches.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from pretrain.config.pretrain_config import PretrainConfig

_ASPECTS = (0.3, 1 / 0.3)
_TRIES = 10  # to place a block before the mask is taken as it is


def step_masks(config: PretrainConfig, step: int, first: int, images: int, crops: int) -> Tensor:
    """Draw the masks of a process's images in a step.

    Every image has a generator of its own, by its place in the whole step: so neither processes
    nor accumulation change its masks.

    Args:
        config: seed, sizes, ratio and probability.
        step: number of the step.
        first: place of the process's first image in the step.
        images: how many it has, B.
        crops: global crops, G.

    Returns:
        (G, B, h, w) bool on the CPU, true where the student does not see.
    """
    side = config.global_crops_size // config.patch_size
    masks = np.zeros((crops, images, side, side), dtype=bool)
    low, high = config.ibot_mask_ratio
    for image in range(images):
        random = np.random.default_rng([config.seed, step, first + image, 1])
        for crop in range(crops):
            if random.random() < config.ibot_mask_probability:
                masks[crop, image] = block_mask(side, random.uniform(low, high), random)
    return torch.from_numpy(masks)


def block_mask(side: int, ratio: float, random: np.random.Generator) -> np.ndarray:
    """Mask up to a share of a square grid by blocks that may overlap.

    Returns:
        (side, side) bool; of it at most `ratio` is true.
    """
    mask = np.zeros((side, side), dtype=bool)
    left = int(ratio * side * side)
    while left > 0:
        newly = _add_block(mask, left, random)
        if not newly:
            break
        left -= newly
    return mask


def _add_block(mask: np.ndarray, most: int, random: np.random.Generator) -> int:
    """Mask a block that adds at most so many patches; return how many it added, or 0."""
    side = len(mask)
    least = min((side // 3) ** 2, most)
    for _ in range(_TRIES):
        area = random.uniform(least, most)
        aspect = math.exp(random.uniform(math.log(_ASPECTS[0]), math.log(_ASPECTS[1])))
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if not (0 < height < side and 0 < width < side):
            continue
        top = random.integers(side - height + 1)
        start = random.integers(side - width + 1)
        block = mask[top : top + height, start : start + width]
        newly = block.size - int(block.sum())
        if 0 < newly <= most:
            block[:] = True
            return newly
    return 0
