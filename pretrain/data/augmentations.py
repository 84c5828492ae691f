"""Multi-crop: what is drawn at random for each crop, and the crop itself, fast, in uint8.

M. Caron et al., ICCV 2021, section 3.2 and the released recipe. Drawing is apart from doing, so
that the same parameters can be carried out here, on a device
(`pretrain.data.device_augmentations`) or by the usual PIL pipeline (the speed comparison and the
tests).

Shapes: H W pixels of the image, h w those of a crop's box, S side of a crop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from pretrain.config.pretrain_config import PretrainConfig

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
_RATIO = (3 / 4, 4 / 3)
_ATTEMPTS = 10
_STRENGTH = (0.4, 0.4, 0.2, 0.1)
_SOLARIZE_FROM = 128


@dataclass(frozen=True)
class CropRecipe:
    """How one kind of crop is drawn; the probabilities are the published ones."""

    size: int
    """Side S in pixels."""
    scale: tuple[float, float]
    """Share of the image's area, drawn uniformly."""
    blur: float
    """Probability of a Gaussian blur."""
    solarize: float
    """Probability of solarisation."""
    flip: float = 0.5
    jitter: float = 0.8
    gray: float = 0.2


@dataclass(frozen=True)
class CropParameters:
    """Everything that was drawn for one crop."""

    box: tuple[int, int, int, int]
    """Top, left, height, width in the pixels of the whole image."""
    size: int
    flip: bool
    factors: tuple[float, float, float, float] | None
    """Brightness, contrast, saturation (1 = as it is), hue shift (0 = none); None: no jitter."""
    order: tuple[int, int, int, int]
    """Order of the four colour operations."""
    gray: bool
    sigma: float
    """Standard deviation of the blur in pixels of the crop; 0 = none."""
    solarize: bool


def recipes(config: PretrainConfig) -> list[CropRecipe]:
    """Return the recipe of each crop of an image, the two global ones first."""
    size, scale = config.global_crops_size, config.global_crops_scale
    first = CropRecipe(size, scale, blur=1.0, solarize=0.0)
    second = CropRecipe(size, scale, blur=0.1, solarize=0.2)
    local = CropRecipe(config.local_crops_size, config.local_crops_scale, blur=0.5, solarize=0.0)
    return [first, second, *[local] * config.local_crops_number]


def draw(rng: np.random.Generator, recipe: CropRecipe, height: int, width: int) -> CropParameters:
    """Draw the parameters of one crop of an image of `height` x `width` pixels."""
    box = _draw_box(rng, recipe.scale, height, width)
    flip, jitter, gray, blur, solarize = rng.random(5).tolist()
    factors = None
    if jitter < recipe.jitter:
        b, c, s, h = (rng.random(4) * 2 - 1).tolist()
        factors = (
            1 + b * _STRENGTH[BRIGHTNESS],
            1 + c * _STRENGTH[CONTRAST],
            1 + s * _STRENGTH[SATURATION],
            h * _STRENGTH[HUE],
        )
    o = rng.permutation(4).tolist()
    sigma = rng.uniform(0.1, 2.0)
    return CropParameters(
        box=box,
        size=recipe.size,
        flip=flip < recipe.flip,
        factors=factors,
        order=(o[0], o[1], o[2], o[3]),
        gray=gray < recipe.gray,
        sigma=sigma if blur < recipe.blur else 0.0,
        solarize=solarize < recipe.solarize,
    )


def _draw_box(
    rng: np.random.Generator, scale: tuple[float, float], height: int, width: int
) -> tuple[int, int, int, int]:
    """Draw area uniformly and aspect log-uniformly; fall back to the largest central crop."""
    low, high = math.log(_RATIO[0]), math.log(_RATIO[1])
    for _ in range(_ATTEMPTS):
        a, r, y, x = rng.random(4).tolist()
        area = height * width * (scale[0] + a * (scale[1] - scale[0]))
        ratio = math.exp(low + r * (high - low))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return int(y * (height - h + 1)), int(x * (width - w + 1)), h, w
    ratio = min(max(width / height, _RATIO[0]), _RATIO[1])
    w, h = min(width, round(height * ratio)), min(height, round(width / ratio))
    w, h = max(w, 1), max(h, 1)
    return (height - h) // 2, (width - w) // 2, h, w


def largest_reduction(parameters: Sequence[CropParameters]) -> int:
    """Return how much smaller (1, 2, 4, 8) the image may be decoded without enlarging a crop."""
    room = min(min(p.box[2], p.box[3]) / p.size for p in parameters)
    return next(r for r in (8, 4, 2, 1) if r <= room or r == 1)


def cut(image: np.ndarray, p: CropParameters, reduction: int = 1) -> np.ndarray:
    """Crop, resize (bicubic, antialiased) and flip.

    Args:
        image: (H, W, 3) uint8 RGB, decoded `reduction` times smaller than the parameters mean.
        p: what was drawn.
        reduction: 1, 2, 4 or 8.

    Returns:
        (S, S, 3) uint8.
    """
    top, left, height, width = (round(v / reduction) for v in p.box)
    height, width = max(height, 1), max(width, 1)
    top, left = min(top, image.shape[0] - 1), min(left, image.shape[1] - 1)
    part = torch.from_numpy(image[top : top + height, left : left + width])
    planes = part.permute(2, 0, 1)[None]  # (h, w, 3) -> (1, 3, h, w)
    resized = F.interpolate(planes, (p.size, p.size), mode="bicubic", antialias=True)
    crop = resized[0].permute(1, 2, 0).contiguous().numpy()  # (1, 3, S, S) -> (S, S, 3)
    return cv2.flip(crop, 1) if p.flip else crop


def recolor(crop: np.ndarray, p: CropParameters) -> np.ndarray:
    """Jitter colours, drop them, blur and solarise.

    Args:
        crop: (S, S, 3) uint8 RGB.
        p: what was drawn.

    Returns:
        (S, S, 3) uint8.
    """
    if p.factors is not None:
        for operation in p.order:
            crop = _ADJUST[operation](crop, p.factors[operation])
    if p.gray:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if p.sigma:
        crop = cv2.GaussianBlur(crop, (0, 0), p.sigma, borderType=cv2.BORDER_REPLICATE)
    if p.solarize:
        crop = cv2.LUT(crop, _SOLARIZED)
    return crop


_LEVELS = np.arange(256, dtype=np.float32)
_SOLARIZED = np.where(_LEVELS < _SOLARIZE_FROM, _LEVELS, 255 - _LEVELS).astype(np.uint8)


def _table(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 255).astype(np.uint8)


def _adjust_brightness(crop: np.ndarray, factor: float) -> np.ndarray:
    return cv2.LUT(crop, _table(_LEVELS * factor))


def _adjust_contrast(crop: np.ndarray, factor: float) -> np.ndarray:
    middle = int(cv2.mean(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))[0] + 0.5)
    return cv2.LUT(crop, _table(middle + (_LEVELS - middle) * factor))


def _adjust_saturation(crop: np.ndarray, factor: float) -> np.ndarray:
    gray = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(crop, factor, gray, 1 - factor, 0)


def _adjust_hue(crop: np.ndarray, shift: float) -> np.ndarray:
    # Pillow's circle has 255 steps and cuts the shift to whole ones; OpenCV's has 256.
    turned = (np.arange(256) + round(int(shift * 255) / 255 * 256)) % 256
    identity = np.arange(256)
    table = np.stack([turned, identity, identity], axis=-1).astype(np.uint8)[None]
    hsv = cv2.cvtColor(crop, cv2.COLOR_RGB2HSV_FULL)
    return cv2.cvtColor(cv2.LUT(hsv, table), cv2.COLOR_HSV2RGB_FULL)


_ADJUST = {
    BRIGHTNESS: _adjust_brightness,
    CONTRAST: _adjust_contrast,
    SATURATION: _adjust_saturation,
    HUE: _adjust_hue,
}
