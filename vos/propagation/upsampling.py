"""From soft labels of patches to a mask of the frame's pixels.

Protocol of DAVIS 2017 with frozen features: each channel is brought to the network's input size,
stretched to 0..1, and the largest channel wins. An object costs what it covers: outside of the
box of its labels its channel is zero and cannot win, so only the box is computed.

Shapes: C channels, background first; h w patches; H' W' pixels of the network's input.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vos.propagation.config import Upsampling

_NOISE = 1e-6
"""Relative differences below this are rounding in float32."""


def winning_channel(labels: Tensor, scale: int, *, upsampling: Upsampling, stretch: bool) -> Tensor:
    """Return the channel that wins each pixel of the network's input.

    Args:
        labels: (C, h, w) float32, background first.
        scale: pixels a patch.
        upsampling: `bilinear` (the published protocol) or `nearest`.
        stretch: subtract each channel's minimum and divide by its new maximum, where its maximum
            is above 0. A channel that is the same positive value everywhere wins everywhere.

    Returns:
        (h * scale, w * scale) int64 channels; the first of equal ones wins.
    """
    best = _channel(labels[0], scale, upsampling, stretch)
    winner = torch.zeros(best.shape, dtype=torch.int64, device=labels.device)
    boxes = _boxes(labels)
    for channel, (top, bottom, left, right) in boxes.items():
        part = labels[channel, top:bottom, left:right]
        whole = part.shape == labels.shape[1:]
        area = (
            slice(top * scale, bottom * scale),
            slice(left * scale, right * scale),
        )
        value = _channel(part, scale, upsampling, stretch, low=None if whole else 0.0)
        wins = value > best[area]
        best[area] = torch.where(wins, value, best[area])
        winner[area].masked_fill_(wins, channel)
    return winner


def _boxes(labels: Tensor) -> dict[int, tuple[int, int, int, int]]:
    """Boxes of the objects' labels, one patch wider, which is as far as bilinear weights reach."""
    h, w = labels.shape[1:]
    rows = (labels[1:] > 0).any(2).cpu().numpy()
    columns = (labels[1:] > 0).any(1).cpu().numpy()
    boxes = {}
    for channel, (r, c) in enumerate(zip(rows, columns, strict=True), start=1):
        if r.any():
            (ys,), (xs,) = r.nonzero(), c.nonzero()
            top, left = max(0, int(ys[0]) - 2), max(0, int(xs[0]) - 2)
            boxes[channel] = (top, min(h, int(ys[-1]) + 3), left, min(w, int(xs[-1]) + 3))
    return boxes


def _channel(
    values: Tensor, scale: int, upsampling: Upsampling, stretch: bool, low: float | None = None
) -> Tensor:
    """Upsample one channel (h, w) and stretch it; `low` is its known minimum, None if unknown."""
    corners = {"align_corners": False} if upsampling == "bilinear" else {}
    size = (values.shape[0] * scale, values.shape[1] * scale)
    big = F.interpolate(values[None, None], size=size, mode=upsampling, **corners)[0, 0]
    if not stretch or not bool(big.max() > 0):
        return big
    peak = big.max()
    big = big - (big.min() if low is None else low)
    high = big.max()
    # Stretching a channel that is the same everywhere would make 0..1 of its rounding noise.
    return big / high if bool(high > _NOISE * peak) else torch.full_like(big, torch.inf)
