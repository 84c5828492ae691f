"""What the values in a mask file mean: ids, black and white, colours, anti-aliased edges.

Users bring masks from drawing programs and other tools. These functions turn the stored values
into ids, or refuse them with what was found. Values that cover no 3x3 square anywhere are
"stray": the mark of anti-aliased edges and of JPEG. The palette is that of J. Pont-Tuset et al.,
DAVIS 2017 (arXiv 1704.00675).

Shape letters: H W pixels, C values a pixel (gray 1, RGB 3), N different values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.ids import MAX_ID, VOID
from vos.masks.palette import DAVIS_PALETTE, PALETTE_IDS, Color

_STRAYS_REFUSED = 3  # a real object thinner than 3 pixels is possible; three at once are edges
_WHITE = (255, 65535)  # of 8 and of 16 bits
_CALM_SPREAD = 12  # between a pixel and its neighbours inside an area of one colour after JPEG
_CALM_SHARE = 1e-4  # of the picture, that the calm pixels of a value must cover to be snapped to
_SNAP_DISTANCE = 32  # values nearer than this to a dominant one are the same area
_JPEG_SHIFT = 8  # how far JPEG may move the colour of a whole area


@dataclass(frozen=True, eq=False)
class LoadedMask:
    """A mask as read from a user's file."""

    ids: NDArray[np.uint8]
    """(H, W): 0 background, 1 to 254 objects, 255 void."""
    form: str
    """What the file was: indexed, gray, black-and-white, colours or npy."""
    mapping: dict[int, int | Color] = field(default_factory=dict)
    """Object id -> the gray value or RGB colour that it had; empty where values are the ids."""


def _solid(codes: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which pixels (H, W) have one value all over their 3x3 neighbourhood."""
    plane = codes.astype(np.float32)  # exact up to 24 bits: every gray value, every RGB code
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.erode(plane, kernel) == cv2.dilate(plane, kernel))


def _stray_values(codes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Split the different values of a map (H, W) into solid ones and stray ones, sorted."""
    solid = np.unique(codes[_solid(codes)])
    return solid, np.setdiff1d(np.unique(codes), solid)


def _refuse_strays(codes: NDArray[Any], name: str) -> None:
    """Raise InputError where the values look like anti-aliased edges or JPEG noise."""
    solid, strays = _stray_values(codes)
    white_with_edges = len(strays) and set(solid.tolist()) - {0} in ({255}, {65535})
    if len(strays) >= _STRAYS_REFUSED or white_with_edges:
        raise InputError(
            f"{name} has {len(solid) + len(strays)} different values, {len(strays)} of them "
            "only in specks and along edges: it is anti-aliased or was saved as JPEG. Save it "
            "as PNG without smoothing, or let each pixel take the nearest main value "
            "(--snap-mask)."
        )


def _calm(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Say which pixels of (H, W, C) differ little from all of their 3x3 neighbourhood."""
    plane = values.astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(plane, kernel) - cv2.erode(plane, kernel)
    spread = spread.reshape(values.shape)  # OpenCV gives (H, W) for C = 1 -> (H, W, C)
    return np.asarray(spread.max(axis=2) <= _CALM_SPREAD)


def _dominant(colors: NDArray[Any], area: NDArray[Any], least: float) -> list[int]:
    """Return the places of the values (N, C) that stand for the areas of a map.

    The value with the most area takes all within the snap distance, then the next of what is
    left, and so on; groups smaller than `least` pixels are left out.
    """
    free = area > 0
    dominant: list[int] = []
    for place in np.argsort(-area, kind="stable"):
        if not free[place]:
            continue
        group = free & (np.abs(colors - colors[place]).max(axis=1) < _SNAP_DISTANCE)
        free &= ~group
        if area[group].sum() >= least:
            dominant.append(int(place))
    return dominant


def _snap(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Move every pixel of (H, W, C), C at most 3, to the nearest of the map's dominant values."""
    flat = values.reshape(-1, values.shape[2]).astype(np.int64)  # (H, W, C) -> (HW, C)
    codes = flat @ (1 << 8 * np.arange(flat.shape[1]))
    distinct, first_places, inverse = np.unique(codes, return_index=True, return_inverse=True)
    inverse = inverse.reshape(
        -1
    )  # (HW,) in every version of NumPy: the place of each pixel's value
    calm = _calm(values).reshape(-1)  # (H, W) -> (HW,)
    area = np.bincount(inverse[calm], minlength=len(distinct))  # (N,)
    colors = flat[first_places]  # (HW, C) -> (N, C)
    dominant = _dominant(colors, area, max(1.0, _CALM_SHARE * len(codes)))
    if not dominant:
        raise InputError(f"{name}: no value covers an area, so there is nothing to snap to")
    nearest = np.zeros(len(distinct), np.int64)
    best = np.full(len(distinct), np.iinfo(np.int64).max)
    for place in dominant:
        distance = ((colors - colors[place]) ** 2).sum(axis=1)
        nearest[distance < best] = place
        best = np.minimum(best, distance)
    return colors[nearest[inverse]].reshape(values.shape)  # (HW, C) -> (H, W, C)


def check_ids(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Return integer values (H, W) as a mask; ids are 1 to 254, 255 is void.

    Raises:
        InputError: a value is negative or above 255.
    """
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > VOID:
        raise InputError(
            f"{name} holds the value {low if low < 0 else high}; object ids are 1 to {MAX_ID}, "
            f"0 is background, {VOID} is void (ignored). Renumber the objects."
        )
    return values.astype(np.uint8)


def from_gray(values: NDArray[Any], name: str, snap: bool = False) -> LoadedMask:
    """Read gray values (H, W), 8 or 16 bits: white alone is object 1, else values are ids."""
    if snap:
        eight_bits = values if values.max() <= VOID else values >> 8
        values = _snap(eight_bits[..., None], name)[..., 0]  # (H, W) as (H, W, 1) and back
        values = np.where(values <= _JPEG_SHIFT, 0, values)
        values = np.where(values >= VOID - _JPEG_SHIFT, VOID, values)
    else:
        _refuse_strays(values, name)
    for white in _WHITE:
        if values.max() == white and np.isin(values, (0, white)).all():
            ids = (values == white).astype(np.uint8)
            return LoadedMask(ids, "black-and-white", {1: white})
    return LoadedMask(check_ids(values, name), "gray")


def from_colors(
    image: NDArray[np.uint8],
    name: str,
    snap: bool = False,
    known: Mapping[int, int | Color] | None = None,
) -> LoadedMask:
    """Read RGB (H, W, 3), one object per colour, black is background.

    Colours that are all of the DAVIS palette get the palette's ids, others 1, 2, ... in order of
    their RGB values. A picture without colour is read as gray.

    Args:
        known: ids of colours from an earlier mask of the same video; they are kept, and new
            colours get ids after them.
    """
    grays = set(DAVIS_PALETTE[(DAVIS_PALETTE[:, :1] == DAVIS_PALETTE).all(axis=1), 0].tolist())
    if (image == image[..., :1]).all() and not set(np.unique(image).tolist()) <= grays:
        return from_gray(image[..., 0], name, snap)
    codes = (_snap(image, name) if snap else image).astype(np.int64) @ (1 << 16, 1 << 8, 1)
    if not snap:
        _refuse_strays(codes, name)
    distinct = np.unique(codes)
    colors: list[Color] = [(int(c >> 16), int(c >> 8 & 255), int(c & 255)) for c in distinct]
    if snap:
        colors = [_before_jpeg(c, known or {}) for c in colors]
    id_of = _ids_of_colors(colors, known or {}, name)
    ids = np.array([id_of[c] for c in colors], np.uint8)[np.searchsorted(distinct, codes)]
    mapping: dict[int, int | Color] = {i: c for c, i in id_of.items() if 0 < i < VOID}
    return LoadedMask(ids, "colours", dict(sorted(mapping.items())))


def _before_jpeg(color: Color, known: Mapping[int, int | Color]) -> Color:
    """Return the known or palette colour that JPEG may have moved to this one, else itself."""
    candidates = [c for c in known.values() if isinstance(c, tuple)] + list(PALETTE_IDS)
    gaps = np.abs(np.array(candidates) - color).max(axis=1)
    return candidates[int(gaps.argmin())] if gaps.min() <= _JPEG_SHIFT else color


def _ids_of_colors(
    colors: list[Color], known: Mapping[int, int | Color], name: str
) -> dict[Color, int]:
    """Give each colour its id: the known one, the palette's, or the next free one."""
    by_color = {c: i for i, c in known.items() if isinstance(c, tuple)}
    in_palette = all(c in PALETTE_IDS for c in (*colors, *by_color))
    black = (0, 0, 0)
    id_of = {black: 0}
    free = set(range(1, MAX_ID + 1)) - set(known)
    for color in colors:
        preferred = by_color.get(color, PALETTE_IDS[color] if in_palette else 0)
        if color != black and (color in by_color or preferred in free | {VOID}):
            id_of[color] = preferred
        elif color != black and free:
            id_of[color] = min(free)
        elif color != black:
            raise InputError(f"{name} needs ids above {MAX_ID}: it has {len(colors)} colours")
        free.discard(id_of[color])
    return id_of


def from_indexed(
    indexes: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    name: str,
    snap: bool = False,
    known: Mapping[int, int | Color] | None = None,
) -> LoadedMask:
    """Read an indexed picture (H, W) with its palette (256, 3): the indexes are the ids.

    Where the palette shows that they are not (a gray ramp, a background that is not index 0),
    its colours are read instead.
    """
    used = np.unique(indexes)
    colors = palette[used]
    if np.array_equal(colors, DAVIS_PALETTE[used]):
        return LoadedMask(indexes, "indexed")
    ramp = (colors == used[:, None]).all() and used.max() == VOID
    black_elsewhere = palette[0].any() and (~colors.any(axis=1)).any()
    if ramp or black_elsewhere or (snap and len(_stray_values(indexes)[1])):
        return from_colors(palette[indexes], name, snap, known)
    _refuse_strays(indexes, name)
    return LoadedMask(indexes, "indexed")


def from_array(array: NDArray[Any], name: str) -> LoadedMask:
    """Read an array (H, W) of integers (ids) or of bool (true is object 1).

    Raises:
        InputError: another shape or kind of number, or ids out of range.
    """
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "biu":
        raise InputError(
            f"{name} is an array {array.shape} of {array.dtype}; expected (height, width) of "
            "integers (object ids) or bool"
        )
    return LoadedMask(check_ids(array, name), "npy")
