"""Colour, blur and solarisation of whole batches on a device.

The same parameters as `pretrain.data.augmentations.recolor`, so that loader workers only decode,
crop and resize. Shapes: B crops, C channels, S their side; colours are floats from 0 to 255.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pretrain.data.augmentations import (
    BRIGHTNESS,
    CONTRAST,
    HUE,
    MEAN,
    SATURATION,
    STD,
    CropParameters,
)

_LUMA = (0.299, 0.587, 0.114)
_BLUR_RADIUS = 6  # three standard deviations of the widest blur, in pixels
_JITTER, _FACTORS, _ORDER, _GRAY, _SIGMA, _SOLARIZE = 0, slice(1, 5), slice(5, 9), 9, 10, 11


def pack(parameters: Sequence[CropParameters]) -> Tensor:
    """Write what was drawn for B crops as a (B, 12) float32 table."""
    rows = [
        [
            float(p.factors is not None),
            *(p.factors or (1.0, 1.0, 1.0, 0.0)),
            *map(float, p.order),
            float(p.gray),
            p.sigma,
            float(p.solarize),
        ]
        for p in parameters
    ]
    return torch.tensor(rows, dtype=torch.float32)


def recolor_batch(crops: Tensor, table: Tensor) -> Tensor:
    """Jitter colours, drop them, blur and solarise.

    Args:
        crops: (B, 3, S, S) uint8 RGB.
        table: (B, 12) of `pack`, on the CPU: which crops an operation falls on is known without
            waiting for the device.

    Returns:
        (B, 3, S, S) float32 from 0 to 255.
    """
    images = _jitter(crops.float(), table)
    table = table.to(crops.device, non_blocking=True)
    gray = table[:, _GRAY] > 0
    images = torch.where(_each(gray), _luma(images), images)
    images = torch.where(_each(table[:, _SIGMA] > 0), _blur(images, table[:, _SIGMA]), images)
    solarized = torch.where(images < 128, images, 255 - images)
    return torch.where(_each(table[:, _SOLARIZE] > 0), solarized, images)


def normalize(images: Tensor, channels: int = 3) -> Tensor:
    """Turn (B, 3, S, S) colours from 0 to 255 into network input.

    Returns:
        (B, 3, S, S) float32 with the ImageNet mean and deviation, or with `channels` = 1 the
        (B, 1, S, S) luminance normalised by their averages.
    """
    images = images.float()
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    if channels == 1:
        images, mean, std = _luma(images), mean.mean()[None], std.mean()[None]
    offset = (-mean / std).to(images.device).view(1, -1, 1, 1)  # (C,) -> (1, C, 1, 1)
    gain = (1 / (255 * std)).to(images.device).view(1, -1, 1, 1)  # (C,) -> (1, C, 1, 1)
    return torch.addcmul(offset, images, gain)


def _each(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)  # (B,) -> (B, 1, 1, 1)


def _luma(images: Tensor) -> Tensor:
    weights = images.new_tensor(_LUMA).view(1, 3, 1, 1)  # (3,) -> (1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def _jitter(images: Tensor, table: Tensor) -> Tensor:
    """Run the four operations in each crop's own order."""
    adjust = {
        BRIGHTNESS: _brightness,
        CONTRAST: _contrast,
        SATURATION: _saturation,
        HUE: _hue,
    }
    factors = table[:, _FACTORS].to(images.device, non_blocking=True)
    order = table[:, _ORDER]
    jittered = table[:, _JITTER] > 0
    images = images.clone()
    for place in range(4):
        for operation, apply in adjust.items():
            chosen = (jittered & (order[:, place] == operation)).nonzero()[:, 0]
            if len(chosen):
                there = chosen.to(images.device, non_blocking=True)
                changed = apply(images[there], _each(factors[there, operation]))
                images[there] = changed.clamp(0, 255)
    return images


def _brightness(images: Tensor, factor: Tensor) -> Tensor:
    return images * factor


def _contrast(images: Tensor, factor: Tensor) -> Tensor:
    middle = _luma(images).mean(dim=(1, 2, 3), keepdim=True).round()
    return middle + (images - middle) * factor


def _saturation(images: Tensor, factor: Tensor) -> Tensor:
    gray = _luma(images)
    return gray + (images - gray) * factor


def _hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue by `shift` of a full circle; value and saturation stay."""
    value, _ = images.max(dim=1)
    chroma = value - images.min(dim=1).values
    red, green, blue = images.unbind(dim=1)
    divisor = chroma.clamp_min(1e-6)
    sector = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    hue = sector + 6 * shift[:, 0]
    channels = []
    for offset in (5, 3, 1):
        k = (hue + offset) % 6
        ramp = torch.minimum(k, 4 - k).clamp(0, 1)
        channels.append(value - chroma * ramp)
    return torch.stack(channels, dim=1)


def _blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Convolve each crop with its own Gaussian, rows then columns, edges repeated."""
    batch, channels, height, width = images.shape
    places = torch.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1, device=images.device)
    spread = sigma.clamp_min(1e-3)[:, None]
    kernel = torch.exp(-0.5 * (places[None] / spread) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    pad = _BLUR_RADIUS
    groups = batch * channels
    row_kernel = kernel.view(groups, 1, 1, -1)  # (B * C, taps) -> (B * C, 1, 1, taps)
    column_kernel = kernel.view(groups, 1, -1, 1)  # (B * C, taps) -> (B * C, 1, taps, 1)
    flat = images.reshape(1, groups, height, width)  # (B, C, S, S) -> (1, B * C, S, S)
    flat = F.conv2d(F.pad(flat, (pad, pad, 0, 0), "replicate"), row_kernel, groups=groups)
    flat = F.conv2d(F.pad(flat, (0, 0, pad, pad), "replicate"), column_kernel, groups=groups)
    return flat.view(batch, channels, height, width)  # (1, B * C, S, S) -> (B, C, S, S)


def network_input(crops: Sequence[np.ndarray], channels: int) -> Tensor:
    """Stack (S, S, 3) uint8 crops and normalise them: (B, C, S, S) float32."""
    stacked = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)  # (B, S, S, 3) -> (B, 3, S, S)
    return normalize(stacked, channels)
