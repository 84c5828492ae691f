"""What the heads of the teacher's class token look at (M. Caron et al., ICCV 2021, figure 1).

Shapes: H W pixels, h w patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.data.device_augmentations import network_input
from pretrain.sources.mixture import Mixture
from pretrain.sources.previews import center_crop, read_rgb

_SAMPLES = 6


def sample_images(mixture: Mixture, size: int) -> list[np.ndarray]:
    """Return a few samples spread over the mixture, (2 size, 2 size, 3) uint8 RGB each."""
    places = np.linspace(0, len(mixture) - 1, min(_SAMPLES, len(mixture))).astype(int)
    return [center_crop(read_rgb(mixture, int(i)), 2 * size) for i in places]


@torch.no_grad()
def attention_sheet(
    backbone: nn.Module, images: Sequence[np.ndarray], config: PretrainConfig, device: torch.device
) -> np.ndarray:
    """Draw a row per image: the image, then what each head's class token looks at.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    network: Any = backbone
    rows = []
    for image in images:
        side = image.shape[0]
        batch = network_input([image], config.in_chans).to(device)
        attention = network.class_attention(batch)[0].float().cpu().numpy()
        grid = side // config.patch_size
        maps = attention.reshape(len(attention), grid, grid)  # (heads, h * w) -> (heads, h, w)
        rows.append(np.concatenate([image, *(_heat(m, side) for m in maps)], axis=1))
    return np.concatenate(rows, axis=0)


def _heat(weights: np.ndarray, side: int) -> np.ndarray:
    low, high = float(weights.min()), float(weights.max())
    scaled = (255 * (weights - low) / max(high - low, 1e-12)).astype(np.uint8)
    large = cv2.resize(scaled, (side, side), interpolation=cv2.INTER_NEAREST)
    return cv2.cvtColor(cv2.applyColorMap(large, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
