"""Masks with transparent pixels, which are background: layers, cut-outs, clear palette indexes.

Shape letters: H W pixels.
"""

from __future__ import annotations

import warnings
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.edges import has_edges, solid, value_codes
from vos.masks.ids import MAX_ID
from vos.masks.palette import Color
from vos.masks.values import LoadedMask, ValueRules, from_colors, from_indexed

_AREA = 7  # side of a square of one opacity or of black that is no edge or outline
_COMMON_VALUES, _COMMON_SHARE = 20, 0.6  # of a drawing's pixels, that have its commonest colours


def from_transparent(rgba: NDArray[np.uint8], name: str, rules: ValueRules) -> LoadedMask:
    """Read RGBA (H, W, 4): colours as in `from_colors`; of a cut-out what is opaque is object 1.

    A cut-out's opaque pixels are a photograph, or black alone.

    Raises:
        InputError: as `from_colors`; or black beside other colours, where black is background.
    """
    opaque = _opaque(rgba[..., 3])
    if opaque.all():
        return from_colors(np.ascontiguousarray(rgba[..., :3]), name, rules)
    colors = np.where(opaque[..., None], rgba[..., :3], 0).astype(np.uint8)
    if not opaque.any():
        return LoadedMask(np.zeros(opaque.shape, np.uint8), "alpha")
    if not colors.any() or (has_edges(colors) and _is_photograph(colors[opaque])):
        warnings.warn(f"{name}: a cut-out; what is opaque was taken as object 1", stacklevel=2)
        return LoadedMask(opaque.astype(np.uint8), "alpha")
    black = opaque & ~colors.any(axis=2)
    square = np.ones((_AREA, _AREA), np.uint8)
    if cv2.erode(black.astype(np.uint8), square, borderValue=0).any():
        raise InputError(
            f"{name}: {int(black.sum())} opaque pixels are black, beside transparent ones and "
            "colours; black and transparent are both background. Give the black object a colour, "
            "or make the background transparent everywhere."
        )
    return from_colors(colors, name, rules)


def _opaque(alpha: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Say which pixels (H, W) are more than half as opaque as the faintest area."""
    areas = alpha[solid(alpha, _AREA) & (alpha > 0)]
    faintest = int(areas.min()) if areas.size else int(alpha.max())
    return np.asarray((alpha > 0) & (2 * alpha.astype(np.int64) >= faintest))


def _is_photograph(colors: NDArray[Any]) -> bool:
    """Say whether colours (N, 3) are too many for a drawing."""
    counts = np.sort(np.unique(value_codes(colors[None]), return_counts=True)[1])
    return bool(counts[-_COMMON_VALUES:].sum() < _COMMON_SHARE * counts.sum())


def from_transparent_indexes(
    indexes: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    clear: NDArray[np.bool_],
    name: str,
    rules: ValueRules,
) -> LoadedMask:
    """Read an indexed picture (H, W) some of whose 256 indexes are `clear`: background.

    Where index 0 is one of them the indexes are the ids, else the colours are read.

    Raises:
        InputError: as `from_colors`; or index 0 is all around the clear pixels.
    """
    hidden = clear[indexes]
    if clear[0] or 0 not in indexes:
        ids = np.where(hidden, 0, indexes).astype(np.uint8)
        plain = palette.copy()
        plain[0] = 0  # what is clear has no colour
        return from_indexed(ids, plain, name, rules)
    rim = np.concatenate([hidden[0], hidden[-1], hidden[:, 0], hidden[:, -1]])
    if not rim.any():
        raise InputError(
            f"{name}: index 0 is all around, and {int(hidden.sum())} pixels inside are "
            "transparent: one of them only can be the background. Save the mask without "
            "transparency, or with the background transparent."
        )
    colors = np.where(hidden[..., None], 0, palette[indexes]).astype(np.uint8)
    black = ~hidden & ~colors.any(axis=2)
    if not black.any():
        return from_colors(colors, name, rules)
    return _by_index(indexes, palette, hidden, name)


def _by_index(
    indexes: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    hidden: NDArray[np.bool_],
    name: str,
) -> LoadedMask:
    """Number the indexes in use 1, 2, ...: one of them is black, so colours do not tell."""
    used = np.unique(indexes[~hidden])
    if len(used) > MAX_ID:
        raise InputError(f"{name} has {len(used)} indexes in use; ids end at {MAX_ID}")
    ids = np.where(hidden, 0, np.searchsorted(used, indexes) + 1).astype(np.uint8)
    mapping: dict[int, int | Color] = {}
    for number, index in enumerate(used, 1):
        red, green, blue = (int(value) for value in palette[index])
        mapping[number] = (red, green, blue)
    return LoadedMask(ids, "colours", mapping)
