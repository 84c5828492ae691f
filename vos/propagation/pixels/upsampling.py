"""From soft labels of patches to a mask of the frame's pixels.

Protocol of DAVIS 2017 with frozen features: each channel is brought to the network's input size,
stretched to 0..1, and the largest channel wins. An object costs what it covers: outside of the
box of its labels its channel is zero and cannot win, so only the box is computed.

Beyond the protocol: labels guided to the picture's own edges, as in
`vos.propagation.pixels.colour_window`.

Shapes: C channels, background first; h w patches; H' W' pixels of the network's input; H W of
the frame.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vos.masks.ids import ids_from_channels, resize_nearest
from vos.propagation.config import PropagationConfig, Upsampling
from vos.propagation.pixels.colour_window import ColourWindow

_NOISE = 1e-6
"""Relative differences below this are rounding in float32."""


def mask_of_labels(
    labels: Tensor,
    objects: tuple[int, ...],
    frame: np.ndarray,
    config: PropagationConfig,
    *,
    scale: int,
    adaptive: bool,
) -> np.ndarray:
    """Return the mask (H, W) uint8 of ids that soft labels give.

    Args:
        labels: (C, h, w) float32, background first.
        objects: ids of channels 1, 2, and so on.
        frame: RGB uint8 (H, W, 3).
        config: the propagation's numbers.
        scale: pixels of the network's input that a patch is wide.
        adaptive: whether the labels are those of the adaptive engine.
    """
    if adaptive and config.adaptive_refine:
        return ids_from_channels(guided_channel(labels, scale, frame), objects)
    winner = winning_channel(
        labels,
        scale,
        upsampling=config.upsampling,
        stretch=config.stretch_channels and not adaptive,
    )
    channels = winner.to(torch.uint8).cpu().numpy()
    return resize_nearest(ids_from_channels(channels, objects), *frame.shape[:2])


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
    if labels.device.type != "cpu":
        return winning_channel_without_waits(labels, scale, upsampling=upsampling, stretch=stretch)
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


_VALUES_AT_ONCE = 1 << 26


def winning_channel_without_waits(
    labels: Tensor, scale: int, *, upsampling: Upsampling, stretch: bool
) -> Tensor:
    """Do as `winning_channel`, all of the frame, without a question that the host waits for.

    On a GPU, waits cost more than the pixels outside of boxes. Arguments and result are those of
    `winning_channel`.
    """
    height, width = labels.shape[1] * scale, labels.shape[2] * scale
    together = max(1, _VALUES_AT_ONCE // (height * width))
    best: Tensor | None = None
    winner: Tensor | None = None
    for start in range(0, len(labels), together):
        values = _channels(labels[start : start + together], scale, upsampling, stretch)
        largest = values.amax(0)
        numbers = torch.arange(start, start + len(values), device=labels.device).view(-1, 1, 1)
        # The first of equal ones, which argmax does not promise on a GPU.
        first = torch.where(values == largest, numbers, len(labels)).amin(0)
        if best is None or winner is None:
            best, winner = largest, first
        else:
            wins = largest > best
            best = torch.where(wins, largest, best)
            winner = torch.where(wins, first, winner)
    assert winner is not None  # there is a background
    return winner


def _channels(labels: Tensor, scale: int, upsampling: Upsampling, stretch: bool) -> Tensor:
    """Upsample some channels (n, h, w) and stretch each, as `_channel` does, without waits."""
    corners = {"align_corners": False} if upsampling == "bilinear" else {}
    size = (labels.shape[1] * scale, labels.shape[2] * scale)
    big = F.interpolate(labels[None], size=size, mode=upsampling, **corners)[0]
    if not stretch:
        return big
    low, peak = big.aminmax(dim=2)  # (n, H'), in two steps as one takes a single axis
    low, peak = low.amin(1), peak.amax(1)
    low, peak = low.view(-1, 1, 1), peak.view(-1, 1, 1)
    moved = big - low
    high = peak - low  # of all moved values the largest
    stretched = torch.where(high > _NOISE * peak, moved / high, torch.inf)
    return torch.where(peak > 0, stretched, big)


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


_GUIDE_RADIUS = 24
"""Pixels of the network's input around one that its label is fitted to colours in."""
_GUIDE_STEP = 4
"""The fit is made on every n-th pixel of the network's input, in each axis."""


def guided_channel(labels: Tensor, scale: int, image: np.ndarray) -> np.ndarray:
    """Return the channel that wins each pixel of the frame, with outlines at its edges.

    In every window each channel is fitted as a linear function of the colour; the fits that hold
    a pixel are averaged.

    Args:
        labels: (C, h, w) float32 that sum to 1, background first.
        scale: pixels a patch.
        image: RGB uint8 (H, W, 3).

    Returns:
        (H, W) uint8 channels; the first of equal ones wins.
    """
    channels, h, w = labels.shape
    size = (w * scale // _GUIDE_STEP, h * scale // _GUIDE_STEP)
    small = labels.cpu().numpy()
    guide = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    window = ColourWindow(guide, max(1, _GUIDE_RADIUS // _GUIDE_STEP))
    best = np.full(image.shape[:2], -np.inf, np.float32)
    winner = np.zeros(image.shape[:2], np.uint8)
    full = image.astype(np.float32) / 255
    for channel in range(channels):
        if channel and not small[channel].any():
            continue
        values = cv2.resize(small[channel], size, interpolation=cv2.INTER_LINEAR)
        fit = cv2.resize(window.fit(values), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        value = (fit[..., :3] * full).sum(-1) + fit[..., 3]
        wins = value > best
        best[wins] = value[wins]
        winner[wins] = channel
    return winner
