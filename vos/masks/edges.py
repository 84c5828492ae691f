"""Values of a mask that are no ids: smooth edges, JPEG's noise, ids mixed by resizing, photographs.

A value is solid where it covers a 3x3 square somewhere; others are stray. A stray value is an
edge's where most of its pixels lie between their neighbours' values or touch no pixel of their
own, or are strewn among other stray values (dithering): a wire of one or two pixels does not.

Shape letters: H W pixels, C values a pixel (gray and ids 1, RGB 3), N different values, R runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.ids import VOID

_EDGES_REFUSED = 3  # one or two values of an edge may be objects; three at once are edges
_CALM_SPREAD = 12  # between a pixel and its neighbours inside an area of one colour after JPEG
_PHOTO_CALM = 0.6  # share of calm pixels below which a picture is a photograph
_PHOTO_COMMON = 0.6  # share of the pixels that have one of the commonest values, likewise
_COMMON_VALUES = 20
_THIN = 3  # pixels across, of what resizing by some factor leaves between two objects
_THINNEST = 2  # of an object that is refused for itself
_LEAST_THIN_RUNS = 16
_MOSTLY = 0.9


@dataclass(frozen=True)
class _Runs:
    """The runs of one value along the lines of a map, in both directions, with both neighbours."""

    marked: NDArray[np.bool_]
    """(H, W): the pixels of thin runs between a smaller and a larger value."""
    thin: int
    """Runs of at most `_THIN` pixels between a smaller and a larger value."""
    wide: int
    """Longer ones."""
    jumps: int
    """Places where two values that are not next to each other meet."""


def value_codes(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return one number a pixel (H, W) for values (H, W, C) of 8 bits, or for gray of any."""
    if values.shape[2] == 1:
        return values[..., 0].astype(np.int64)
    return np.asarray(values.astype(np.int64) @ (1 << 16, 1 << 8, 1))


def solid(codes: NDArray[Any], side: int = 3) -> NDArray[np.bool_]:
    """Say which pixels (H, W) have one value all over the square of `side` around them."""
    plane = codes.astype(np.float64)  # exact for every gray value and RGB code
    kernel = np.ones((side, side), np.uint8)
    return np.asarray(cv2.erode(plane, kernel) == cv2.dilate(plane, kernel))


def spread(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return how far the values (H, W, C) differ within 3x3 pixels, (H, W)."""
    plane = values.astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    difference = cv2.dilate(plane, kernel) - cv2.erode(plane, kernel)
    # OpenCV gives (H, W) for C = 1 -> (H, W, C)
    return np.asarray(difference.reshape(values.shape).max(axis=2))


def edge_values(values: NDArray[Any]) -> tuple[int, NDArray[np.int64]]:
    """Return how many values (H, W, C) has, and the codes of those that are edges' or noise."""
    codes = value_codes(values)
    distinct, inverse = np.unique(codes, return_inverse=True)
    inverse = inverse.reshape(-1)  # (H, W) or (HW,), by the version of NumPy -> (HW,)
    stray = np.ones(len(distinct), bool)
    stray[inverse[solid(codes).reshape(-1)]] = False
    plane = values.astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    low = cv2.erode(plane, kernel).reshape(values.shape)
    high = cv2.dilate(plane, kernel).reshape(values.shape)
    between = ((low < plane) & (plane < high)).any(axis=2)
    lonely = _lonely(codes, stray[inverse].reshape(codes.shape))
    weak = (between | lonely).reshape(-1)
    area = np.bincount(inverse, minlength=len(distinct))
    share = np.bincount(inverse, weights=weak, minlength=len(distinct)) / area
    return len(distinct), distinct[stray & (share >= 0.5)]


def _lonely(codes: NDArray[np.int64], stray: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which pixels (H, W) have no neighbour of their value, or three of other stray ones."""
    height, width = codes.shape
    around = np.pad(np.where(stray, codes, -1), 1, constant_values=-1)
    alike = np.zeros(codes.shape, bool)
    others = np.zeros(codes.shape, np.uint8)
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            if (dy, dx) != (1, 1):
                beside = around[dy : dy + height, dx : dx + width]
                alike |= beside == codes
                others += (beside >= 0) & (beside != codes)
    return ~alike | (others >= 3)


def has_edges(values: NDArray[Any]) -> bool:
    """Say whether values (H, W, C) look anti-aliased or like JPEG."""
    _, edges = edge_values(values)
    codes = value_codes(values)
    main = set(np.unique(codes[solid(codes)]).tolist()) - {0}
    white_with_edges = len(edges) > 0 and main in ({255}, {65535}, {0xFFFFFF})
    return len(edges) >= _EDGES_REFUSED or white_with_edges


def refuse_edges(values: NDArray[Any], name: str) -> None:
    """Refuse values (H, W, C) that look anti-aliased, like JPEG, or like a photograph.

    Raises:
        InputError: they do.
    """
    if not has_edges(values):
        return
    refuse_photograph(values, name)
    count, edges = edge_values(values)
    raise InputError(
        f"{name} has {count} different values, {len(edges)} of them "
        "only in specks and along edges: it is anti-aliased or was saved as JPEG. Save it "
        "as PNG without smoothing, or let each pixel take the nearest main value "
        "(--snap-mask)."
    )


def refuse_photograph(values: NDArray[Any], name: str) -> None:
    """Refuse values (H, W, C) with edges that have no areas of one value, as masks do.

    Raises:
        InputError: they are a photograph's.
    """
    calm = (spread(values) <= _CALM_SPREAD * (1 if values.max() <= VOID else 257)).mean()
    counts = np.sort(np.unique(value_codes(values), return_counts=True)[1])
    common = counts[-_COMMON_VALUES:].sum() / counts.sum()
    if calm < _PHOTO_CALM or common < _PHOTO_COMMON:
        raise photograph(name, f"{len(counts)} different values, few areas of one value")


def photograph(name: str, why: str) -> InputError:
    """Return the error for a picture that is no mask."""
    return InputError(
        f"{name} is a photograph, not a mask ({why}). A mask has one even value for each object "
        "and 0 for the background: paint the objects of the first frame over in a drawing "
        "program, or label them in CVAT or LabelMe, and give that file."
    )


def _line_runs(values: NDArray[Any], codes: NDArray[np.int64], thinnest: int) -> _Runs:
    """Look at the runs of one value along the rows of values (H, W, C)."""
    height, width = codes.shape
    starts = np.ones(codes.shape, bool)
    starts[:, 1:] = codes[:, 1:] != codes[:, :-1]
    at = np.flatnonzero(starts)  # (R,) places in the flat map
    length = np.diff(np.append(at, codes.size))
    row = at // width
    value = values.reshape(-1, values.shape[2])[at].astype(np.int64)  # (HW, C) -> (R, C)
    left, middle, right = value[:-2], value[1:-1], value[2:]
    inner = (row[:-2] == row[1:-1]) & (row[1:-1] == row[2:])
    low, high = np.minimum(left, right), np.maximum(left, right)
    between = inner & ((low <= middle) & (middle <= high)).all(axis=1)
    thin = np.zeros(len(at), bool)
    thin[1:-1] = between & (length[1:-1] <= thinnest)
    wide = int((between & (length[1:-1] > thinnest)).sum())
    beside = (row[:-1] == row[1:]) & ~thin[:-1] & ~thin[1:]
    jumps = int((beside & (np.abs(value[1:] - value[:-1]).max(axis=1) >= 2)).sum())
    marked = np.repeat(thin, length).reshape(height, width)
    return _Runs(marked, int(thin.sum()), wide, jumps)


def _runs(values: NDArray[Any], thinnest: int) -> _Runs:
    """Look at the runs of one value along rows and columns of values (H, W, C)."""
    codes = value_codes(values)
    rows = _line_runs(values, codes, thinnest)
    columns = _line_runs(values.swapaxes(0, 1), codes.T, thinnest)
    return _Runs(
        rows.marked | columns.marked.T,
        rows.thin + columns.thin,
        rows.wide + columns.wide,
        rows.jumps + columns.jumps,
    )


def phantoms(values: NDArray[Any]) -> tuple[NDArray[np.bool_], dict[int, int]]:
    """Find what resizing with interpolation leaves between two objects.

    Args:
        values: (H, W, C) of ids, gray values or colours.

    Returns:
        The pixels (H, W) that lie thinly between two other values, and how many of them each
        value has that is refused: a value with hardly any other pixel, or all such values where
        most borders between values far apart are lined in this way. None of a clean mask.
    """
    codes = value_codes(values)
    runs = _runs(values, _THINNEST)
    distinct, inverse = np.unique(codes, return_inverse=True)
    inverse = inverse.reshape(-1)
    area = np.bincount(inverse, minlength=len(distinct))
    lined = np.bincount(inverse, weights=runs.marked.reshape(-1), minlength=len(distinct))
    suspects = (lined >= _MOSTLY * area) & (lined >= _LEAST_THIN_RUNS) & (distinct > 0)
    marked = runs.marked
    if values.shape[2] == 1:
        runs = _runs(values, _THIN)
        if runs.thin >= _LEAST_THIN_RUNS and runs.thin > 2 * runs.jumps + runs.wide:
            marked = runs.marked
            lined = np.bincount(inverse, weights=marked.reshape(-1), minlength=len(distinct))
            suspects |= (lined > 0) & (distinct > 0)
    return marked, {int(distinct[i]): int(lined[i]) for i in np.flatnonzero(suspects)}


def refuse_phantoms(values: NDArray[Any], name: str) -> None:
    """Refuse objects that lie only along the border between two others.

    Raises:
        InputError: there are some in values (H, W, C).
    """
    _, counts = phantoms(values)
    if not counts:
        return

    def said(code: int) -> str:
        return str(code) if values.shape[2] == 1 else str((code >> 16, code >> 8 & 255, code & 255))

    listed = ", ".join(f"{said(code)}: {count} pixels" for code, count in counts.items())
    raise InputError(
        f"{name} has values that lie along the border between two others ({listed}): objects were "
        "mixed by resizing with interpolation or by JPEG. Resize masks with nearest neighbour and "
        "save them as PNG; or let these pixels take the value beside them (--snap-mask); or, if "
        "the objects are that thin, take the values as they are (--trust-mask)."
    )
