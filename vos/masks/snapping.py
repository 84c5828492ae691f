"""Pixels with stray values (smooth edges, JPEG) given the nearest of a picture's main values.

Shape letters: H W pixels, C values a pixel (gray 1, RGB 3), N different values.
"""

from __future__ import annotations

import warnings
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.edges import (
    has_edges,
    phantoms,
    photograph,
    refuse_photograph,
    solid,
    spread,
    value_codes,
)
from vos.masks.ids import VOID

_CALM_SPREAD = 12  # between a pixel and its neighbours inside an area of one colour after JPEG
_CALM_SHARE = 1e-4  # of the picture, that the calm pixels of a value must cover to be snapped to
_SNAP_DISTANCE = 32  # values nearer than this to a dominant one are the same area
JPEG_SHIFT = 8  # how far JPEG may move the colour of a whole area
_BLOCK = 7  # side of a square of one value that is an area of its own, not an edge
_MOST_VALUES = 20


def snap(values: NDArray[Any], name: str, lossy: bool = False) -> NDArray[Any]:
    """Give every stray pixel the nearest main value, and warn of how many there were.

    A clean map of ids or colours comes back as it is.

    Args:
        values: (H, W, C) of 8 bits, or gray (H, W, 1) of 16.
        name: what to call the mask in messages.
        lossy: the file's format is JPEG or another that changes values.

    Raises:
        InputError: a photograph; no main values; or main values that are too near to each other
            to be told apart.
    """
    codes = value_codes(values)
    if not solid(codes).any() and len(np.unique(codes)) > 1:
        if has_edges(values):
            refuse_photograph(values, name)
        raise InputError(f"{name}: no value covers an area, so there is nothing to snap to")
    ids_mixed, counts = phantoms(values)
    edges = has_edges(values)
    if not (edges or counts or lossy):
        return values
    if values.shape[2] == 1 and not lossy and values.max() < _SNAP_DISTANCE:
        snapped = _from_beside(values, ids_mixed | (~solid(codes) & edges))
    else:
        if edges:
            refuse_photograph(values, name)
        snapped = _to_main_values(values, name, lossy)
    changed = int((snapped != values).any(axis=2).sum())
    if changed:
        kept = len(np.unique(value_codes(snapped)))
        warnings.warn(
            f"{name}: {changed} pixels of {codes.size} were given the nearest of {kept} main "
            "values (--snap-mask)",
            stacklevel=2,
        )
    return snapped


def _from_beside(values: NDArray[Any], stray: NDArray[np.bool_]) -> NDArray[Any]:
    """Give the stray pixels (H, W) the value (H, W, 1) of the nearest pixel that is not stray."""
    if stray.all():
        return values
    _, labels = cv2.distanceTransformWithLabels(
        stray.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    value_of = np.zeros(int(labels.max()) + 1, values.dtype)
    value_of[labels[~stray]] = values[..., 0][~stray]
    return value_of[labels][..., None]  # (H, W) -> (H, W, 1)


def _to_main_values(values: NDArray[Any], name: str, lossy: bool) -> NDArray[Any]:
    """Move every pixel of (H, W, C) to the nearest of the map's main values."""
    scale = 1 if values.max() <= VOID else 257  # 8 or 16 bits
    codes = value_codes(values).reshape(-1)  # (H, W) -> (HW,)
    flat = values.reshape(-1, values.shape[2]).astype(np.int64)  # (H, W, C) -> (HW, C)
    distinct, first_places, inverse = np.unique(codes, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)  # in every version of NumPy: the place of each pixel's value
    calm = (spread(values) <= _CALM_SPREAD * scale).reshape(-1)
    area = np.bincount(inverse[calm], minlength=len(distinct))  # (N,)
    blocks = np.zeros(len(distinct), bool)
    blocks[inverse[solid(value_codes(values), _BLOCK).reshape(-1)]] = True
    colors = flat[first_places]  # (HW, C) -> (N, C)
    least = max(1.0, _CALM_SHARE * len(codes))
    dominant = _dominant(colors / scale, area, blocks, least)
    if not dominant:
        raise InputError(f"{name}: no value covers an area, so there is nothing to snap to")
    if len(dominant) == 1 and len(distinct) > 1:
        raise InputError(
            f"{name}: {colors[dominant[0]].tolist()} is the only value that covers an area, so "
            "there is no object to snap to. Save the mask without dithering or smoothing, as PNG."
        )
    if len(dominant) > _MOST_VALUES:
        raise photograph(name, f"{len(dominant)} main values")
    if lossy and values.shape[2] == 1 and 0 < colors.max() <= _SNAP_DISTANCE:
        raise InputError(
            f"{name}: the values {colors.min()} to {colors.max()} were mixed by JPEG, which "
            f"moves values by {JPEG_SHIFT} and more: ids this near to each other are lost. Save "
            "the mask as PNG again."
        )
    nearest = np.zeros(len(distinct), np.int64)
    best = np.full(len(distinct), np.iinfo(np.int64).max)
    for place in dominant:
        distance = ((colors - colors[place]) ** 2).sum(axis=1)
        nearest[distance < best] = place
        best = np.minimum(best, distance)
    return colors[nearest[inverse]].reshape(values.shape).astype(values.dtype)


def _dominant(
    colors: NDArray[Any], area: NDArray[Any], blocks: NDArray[np.bool_], least: float
) -> list[int]:
    """Return the places of the values (N, C) that stand for the areas of a map.

    The value with the most area takes all within the snap distance, then the next of what is
    left, and so on; groups smaller than `least` pixels are left out. A value that fills a block
    is never taken by one that JPEG cannot have moved to it.
    """
    free = area > 0
    dominant: list[int] = []
    for place in np.argsort(-area, kind="stable"):
        if not free[place]:
            continue
        distance = np.abs(colors - colors[place]).max(axis=1)
        group = free & (distance < _SNAP_DISTANCE) & (~blocks | (distance <= JPEG_SHIFT))
        free &= ~group
        if area[group].sum() >= least:
            dominant.append(int(place))
    return dominant
