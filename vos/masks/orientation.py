"""Masks that are inverted or turned: put right on request, and told where they look so.

Shape letters: H W pixels.
"""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.ids import VOID, object_ids
from vos.masks.values import LoadedMask

Turn = Literal[0, 90, 180, 270]
_MOST = 0.5  # share of the frame above which an object is more likely its background


def put_right(mask: LoadedMask, name: str, *, turn: Turn = 0, invert: bool = False) -> LoadedMask:
    """Return a mask turned clockwise and inverted as asked; warn where it looks inverted.

    Args:
        mask: ids (H, W) of at least one object.
        name: what to call it in messages.
        turn: degrees to turn it by, clockwise.
        invert: make the object background, and the background the object.

    Raises:
        InputError: a mask to invert has several objects, or no background.
    """
    ids = np.ascontiguousarray(np.rot90(mask.ids, -(turn // 90)))
    mapping = mask.mapping
    if invert:
        ids, mapping = _inverted(ids, name), {}
    else:
        _warn_of_inverted(ids, name)
    return LoadedMask(ids, mask.form, mapping, mask.index_colors, mask.labels)


def _inverted(ids: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    objects = object_ids(ids)
    if len(objects) != 1:
        raise InputError(
            f"{name} cannot be inverted: it has {len(objects)} objects ({objects}), and which of "
            "them the background becomes is not known. Leave out --invert-mask"
        )
    if not (ids == 0).any():
        raise InputError(f"{name} cannot be inverted: it has no background to become the object")
    void = ids == VOID
    return np.where(void, VOID, np.where(ids == 0, objects[0], 0)).astype(np.uint8)


def _warn_of_inverted(ids: NDArray[np.uint8], name: str) -> None:
    """Warn of objects that cover most of the frame or touch all its sides."""
    sides = [set(np.unique(side).tolist()) for side in (ids[0], ids[-1], ids[:, 0], ids[:, -1])]
    around = set.intersection(*sides)
    objects = object_ids(ids)
    for number in objects:
        share = float((ids == number).mean())
        if share > _MOST or number in around:
            touches = ", touches all its sides" if number in around else ""
            advice = "invert the mask (--invert-mask)"
            if len(objects) > 1:
                advice = "give it the value 0 (--invert-mask is for masks with one object)"
            warnings.warn(
                f"{name}: object {number} covers {share:.0%} of the frame{touches}; if it is the "
                f"background, {advice}",
                stacklevel=3,
            )
