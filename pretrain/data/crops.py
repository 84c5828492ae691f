"""From the bytes of one image to its crops: draw, decode once, cut, recolour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pretrain.data.augmentations import (
    CropParameters,
    CropRecipe,
    cut,
    draw,
    largest_reduction,
    recolor,
)
from pretrain.sources.decode import decode, read_header


def make_crops(
    data: bytes,
    kinds: Sequence[CropRecipe],
    random: np.random.Generator,
    *,
    drawn: Sequence[CropParameters] | None = None,
    colors: bool = True,
) -> tuple[list[np.ndarray], list[CropParameters]]:
    """Make all crops of one encoded image.

    Args:
        data: the file's bytes.
        kinds: one recipe a crop.
        random: where the parameters are drawn from.
        drawn: parameters to use instead.
        colors: False leaves colour, blur and solarisation to the device.

    Returns:
        One (S, S, 3) uint8 RGB array a crop, and the parameters.

    Raises:
        BrokenImageError: the bytes are no readable image.
    """
    header = read_header(data)
    if drawn is None:
        drawn = [draw(random, kind, header.height, header.width) for kind in kinds]
    image, reduction = decode(data, header, largest_reduction(drawn))
    return _crops(image, drawn, reduction, colors), list(drawn)


def crops_of_frame(
    frame: np.ndarray,
    kinds: Sequence[CropRecipe],
    random: np.random.Generator,
    *,
    colors: bool = True,
) -> tuple[list[np.ndarray], list[CropParameters]]:
    """Make all crops of one decoded frame (H, W, 3) uint8 RGB; otherwise as `make_crops`."""
    drawn = [draw(random, kind, frame.shape[0], frame.shape[1]) for kind in kinds]
    return _crops(frame, drawn, 1, colors), drawn


def _crops(
    image: np.ndarray, drawn: Sequence[CropParameters], reduction: int, colors: bool
) -> list[np.ndarray]:
    crops = [cut(image, p, reduction) for p in drawn]
    return [recolor(crop, p) for crop, p in zip(crops, drawn, strict=True)] if colors else crops
