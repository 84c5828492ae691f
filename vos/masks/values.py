"""What the values in a mask file mean: ids, black and white, colours, anti-aliased edges.

Users bring masks from drawing programs and other tools. These functions turn the stored values
into ids, or refuse them with what was found; smooth edges and the like are in `vos.masks.edges`.
The palette is that of J. Pont-Tuset et al., DAVIS 2017 (arXiv 1704.00675).

Shape letters: H W pixels, C values a pixel (gray 1, RGB 3), N different values.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.edges import has_edges, phantoms, refuse_edges, refuse_phantoms, value_codes
from vos.masks.ids import MAX_ID, VOID
from vos.masks.palette import DAVIS_PALETTE, PALETTE_IDS, Color
from vos.masks.snapping import JPEG_SHIFT, snap

_WHITE = (255, 65535)  # of 8 and of 16 bits
_VOID_THICKNESS = 7  # pixels across: void is the thin line around objects, not a square this large
_LEVEL_GAP = 32  # gray values at least this far from each other are levels, not ids
_RIM_SHARE = 0.9  # of the outermost pixels, that a white background covers


@dataclass(frozen=True, eq=False)
class LoadedMask:
    """A mask as read from a user's file."""

    ids: NDArray[np.uint8]
    """(H, W): 0 background, 1 to 254 objects, 255 void."""
    form: str
    """What the file was: indexed, gray, black-and-white, colours, alpha or npy."""
    mapping: dict[int, int | Color] = field(default_factory=dict)
    """Object id -> the gray value or RGB colour that it had; empty where values are the ids."""
    index_colors: dict[int, Color] = field(default_factory=dict)
    """Object id -> its colour in the file's own palette, where the ids are the indexes."""
    labels: dict[int, str] = field(default_factory=dict)
    """Object id -> its label in an annotation file."""


@dataclass(frozen=True)
class ValueRules:
    """How values may differ from clean ids or colours."""

    snap: bool = False
    """Give stray pixels the nearest main value."""
    trust: bool = False
    """Take values as they are: no object is too thin, and 255 is void wherever it is."""
    lossy: bool = False
    """The file's format changes values (JPEG)."""
    known: Mapping[int, int | Color] = field(default_factory=dict)
    """The mapping of earlier masks of the same video, whose values keep their ids."""


PLAIN = ValueRules()


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


def from_gray(values: NDArray[Any], name: str, rules: ValueRules = PLAIN) -> LoadedMask:
    """Read gray values (H, W), 8 or 16 bits: white alone is object 1, else values are ids.

    Gray levels far apart from each other, of which the highest is 255, are an object each.

    Raises:
        InputError: an id above 254; smooth edges; or 255 beside ids, over more than lines.
    """
    if rules.snap:
        values = _snapped_gray(values, name, rules.lossy)
    elif not rules.trust:
        refuse_edges(values[..., None], name)  # (H, W) -> (H, W, 1)
        refuse_phantoms(values[..., None], name)
        if rules.lossy and not np.isin(values, (0, VOID)).all():
            raise InputError(
                f"{name} was saved as JPEG, which changes ids. Save it as PNG, or let each pixel "
                "take the nearest main value (--snap-mask)."
            )
    for white in _WHITE:
        if values.max() == white and np.isin(values, (0, white)).all():
            number = next((i for i, value in rules.known.items() if value == white), 1)
            ids = np.where(values == white, number, 0).astype(np.uint8)
            return LoadedMask(ids, "black-and-white", {number: white})
    return _with_white(check_ids(values, name), "gray", name, rules)


def _snapped_gray(values: NDArray[Any], name: str, lossy: bool) -> NDArray[Any]:
    """Snap gray values (H, W); what JPEG may have made of black and white becomes that again."""
    snapped = snap(values[..., None], name, lossy)[..., 0]  # (H, W) as (H, W, 1) and back
    white, shift = (255, JPEG_SHIFT) if values.max() <= VOID else (65535, JPEG_SHIFT * 257)
    if snapped.max() <= JPEG_SHIFT or np.array_equal(snapped, values):
        return snapped
    if snapped.max() < _LEVEL_GAP:
        return snapped  # ids, not levels
    snapped = np.where(snapped <= shift, 0, snapped)
    return np.where(snapped >= white - shift, white, snapped)


def _with_white(ids: NDArray[np.uint8], form: str, name: str, rules: ValueRules) -> LoadedMask:
    """Decide what 255 beside other values is: void along objects, an object, or an error.

    Raises:
        InputError: it covers an area, and the other values look like ids.
    """
    area = int((ids == VOID).sum())
    others = [int(value) for value in np.unique(ids) if value not in (0, VOID)]
    if rules.trust or not area or not others:
        return LoadedMask(ids, form)
    number = next((i for i, value in rules.known.items() if value == VOID), 0)
    levels = np.diff([0, *others, VOID]).min() >= _LEVEL_GAP
    if number or (levels and _covers_area(ids)):
        number = number or max(set(range(1, MAX_ID + 1)) - set(others) - set(rules.known))
        return LoadedMask(np.where(ids == VOID, number, ids).astype(np.uint8), form, {number: VOID})
    if _covers_area(ids):
        raise InputError(
            f"{name}: {area} pixels have the value {VOID}, over more than lines around objects, "
            f"beside the values {others[:10]}. As an id {VOID} means void (ignored). If it is an "
            f"object, give it a value from 1 to {MAX_ID}; if it is to be ignored, take the values "
            "as they are (--trust-mask)."
        )
    warnings.warn(f"{name}: {area} pixels of value {VOID} are void (ignored)", stacklevel=2)
    return LoadedMask(ids, form)


def _covers_area(ids: NDArray[np.uint8]) -> bool:
    """Say whether 255 is more than a thin line along objects: a large square, or off on its own."""
    white = (ids == VOID).astype(np.uint8)
    if cv2.erode(white, np.ones((_VOID_THICKNESS, _VOID_THICKNESS), np.uint8)).any():
        return True
    objects = ((ids != VOID) & (ids > 0)).astype(np.uint8)
    near = cv2.dilate(objects, np.ones((3, 3), np.uint8)) > 0
    count, parts = cv2.connectedComponents(white, connectivity=8)
    return len(np.unique(parts[near & (white > 0)])) < count - 1


def from_colors(image: NDArray[np.uint8], name: str, rules: ValueRules = PLAIN) -> LoadedMask:
    """Read RGB (H, W, 3), one object per colour, black is background.

    Colours that are all of the DAVIS palette get the palette's ids, others 1, 2, ... in order of
    their RGB values. A picture without colour is read as gray. White all around colours is
    background.

    Raises:
        InputError: smooth edges, a photograph, or more colours than ids.
    """
    grays = set(DAVIS_PALETTE[(DAVIS_PALETTE[:, :1] == DAVIS_PALETTE).all(axis=1), 0].tolist())
    if (image == image[..., :1]).all() and not set(np.unique(image).tolist()) <= grays:
        return from_gray(image[..., 0], name, rules)
    if not rules.snap and not rules.trust:
        refuse_edges(image, name)
        refuse_phantoms(image, name)
    snapped = snap(image, name, rules.lossy) if rules.snap else image
    codes = value_codes(_without_white_rim(snapped, name))
    distinct = np.unique(codes)
    colors: list[Color] = [(int(c >> 16), int(c >> 8 & 255), int(c & 255)) for c in distinct]
    if rules.snap and (rules.lossy or not np.array_equal(snapped, image)):
        colors = [_before_jpeg(c, rules.known) for c in colors]
    id_of = _ids_of_colors(colors, rules.known, name)
    ids = np.array([id_of[c] for c in colors], np.uint8)[np.searchsorted(distinct, codes)]
    mapping: dict[int, int | Color] = {i: c for c, i in id_of.items() if 0 < i < VOID}
    return LoadedMask(ids, "colours", dict(sorted(mapping.items())))


def _rim(values: NDArray[Any]) -> NDArray[Any]:
    """Return the outermost pixels of a map (H, W) or picture (H, W, C)."""
    sides = (values[0], values[-1], values[:, 0], values[:, -1])
    return np.concatenate(sides)


def _without_white_rim(image: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Make white black where it is the background: nearly all of the rim, and no black there."""
    rim = _rim(image)
    white = (rim == VOID).all(axis=1)
    if white.mean() < _RIM_SHARE or not rim.any(axis=1).all():
        return image
    inside = (image == VOID).all(axis=2)
    if inside.all():
        return image
    if not image.any(axis=2).all():
        raise InputError(
            f"{name} is white all around, with black and colours inside: black would be the "
            "background. Give the black object a colour, or paint the background black."
        )
    warnings.warn(f"{name}: white, which is all around, was taken as background", stacklevel=2)
    return np.where(inside[..., None], 0, image).astype(np.uint8)


def _before_jpeg(color: Color, known: Mapping[int, int | Color]) -> Color:
    """Return the known or palette colour that JPEG may have moved to this one, else itself."""
    candidates = [c for c in known.values() if isinstance(c, tuple)] + list(PALETTE_IDS)
    gaps = np.abs(np.array(candidates) - color).max(axis=1)
    return candidates[int(gaps.argmin())] if gaps.min() <= JPEG_SHIFT else color


def _ids_of_colors(
    colors: list[Color], known: Mapping[int, int | Color], name: str
) -> dict[Color, int]:
    """Give each colour its id: the known one, the palette's, or the next free one."""
    by_color = {c: i for i, c in known.items() if isinstance(c, tuple)}
    in_palette = all(c in PALETTE_IDS for c in (*colors, *by_color))
    black: Color = (0, 0, 0)
    id_of: dict[Color, int] = {black: 0}
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
    rules: ValueRules = PLAIN,
) -> LoadedMask:
    """Read an indexed picture (H, W) with its palette (256, 3): the indexes are the ids.

    Where the palette shows that they are not (a gray ramp, a background that is not index 0),
    its colours are read instead.

    Raises:
        InputError: as `from_colors`; or an index that is all around, while index 0 is not.
    """
    used = np.unique(indexes)
    colors = palette[used]
    if np.array_equal(colors, DAVIS_PALETTE[used]):
        return _of_davis(indexes, name, rules)
    ramp = (colors == used[:, None]).all() and used.max() == VOID
    black_elsewhere = palette[0].any() and (~colors.any(axis=1)).any()
    picture = palette[indexes]
    rim = _rim(indexes)
    around = int(np.bincount(rim).argmax())
    inverted = 0 in used and (rim == around).mean() >= _RIM_SHARE and not (rim == 0).any()
    white_around = inverted and (palette[around] == VOID).all()
    stray = has_edges(picture) or bool(phantoms(picture)[1])
    if ramp or black_elsewhere or white_around or (rules.snap and stray):
        return from_colors(picture, name, rules)
    if inverted and not rules.trust:
        raise InputError(
            f"{name}: index {around} is all around, but index 0 is the background, and it lies "
            f"inside. Save the mask with the background on index 0 or transparent; or, if index "
            f"{around} is an object around it, take the indexes as they are (--trust-mask)."
        )
    if not rules.trust:
        refuse_edges(picture, name)
        refuse_phantoms(picture, name)
    loaded = _with_white(indexes, "indexed", name, rules)
    index_colors: dict[int, Color] = {
        int(i): (int(r), int(g), int(b)) for i, (r, g, b) in zip(used, colors, strict=True) if i
    }
    return LoadedMask(loaded.ids, "indexed", loaded.mapping, index_colors)


def _of_davis(indexes: NDArray[np.uint8], name: str, rules: ValueRules) -> LoadedMask:
    """Read indexes with the palette of DAVIS, in which 255 has the colour of void."""
    if not rules.trust:
        refuse_phantoms(indexes[..., None], name)  # (H, W) -> (H, W, 1)
    area = int((indexes == VOID).sum())
    if area and not rules.trust and _covers_area(indexes):
        warnings.warn(
            f"{name}: {area} pixels have the index {VOID}, which is void (ignored); if they are "
            f"an object, give it an index from 1 to {MAX_ID}",
            stacklevel=2,
        )
    return LoadedMask(indexes, "indexed")


def from_array(array: NDArray[Any], name: str, rules: ValueRules = PLAIN) -> LoadedMask:
    """Read an array (H, W) of integers (ids, or 0 and 255) or of bool (true is object 1).

    Raises:
        InputError: another shape or kind of number, ids out of range, ids mixed by resizing, or
            255 beside ids over more than lines.
    """
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "biu":
        raise InputError(
            f"{name} is an array {array.shape} of {array.dtype}; expected (height, width) of "
            "integers (object ids) or bool"
        )
    for white in _WHITE:
        if array.dtype != bool and set(np.unique(array).tolist()) == {0, white}:
            return from_gray(array.astype(np.int64), name, rules)
    ids = check_ids(array, name)
    if not rules.trust:
        refuse_phantoms(ids[..., None], name)  # (H, W) -> (H, W, 1)
    return _with_white(ids, "npy", name, rules)
