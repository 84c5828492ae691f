"""Masks as callers give them: arrays of ids or of bool, and what `read_mask` returns.

Letters: H W pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.values import LoadedMask

IdMask = LoadedMask | NDArray[Any]


def ids_of(given: object, name: str = "the mask") -> NDArray[np.uint8]:
    """Return a caller's mask as an index map of ids; uint8 arrays are returned as they are.

    Args:
        given: an array, or a tensor, of bool (true is object 1) or of integers 0 to 255; or what
            `read_mask` returned.
        name: what to call it in messages.

    Raises:
        InputError: it is something else; the message names its type.
    """
    if isinstance(given, LoadedMask):
        return given.ids
    if hasattr(given, "detach"):  # a tensor, of any device
        try:
            given = given.detach().cpu().numpy()
        except TypeError:  # of a dtype or layout that NumPy does not know
            form = f"{getattr(given, 'dtype', '')}, {getattr(given, 'layout', '')}"
            raise InputError(
                f"{name} is a tensor that NumPy does not know ({form}); expected a dense one of "
                "object ids, uint8 or other integers, or bool"
            ) from None
    if not isinstance(given, np.ndarray):
        raise InputError(
            f"{name} is a {type(given).__name__}; expected an array (height, width) of object ids, "
            "or what vos.read_mask returns"
        )
    if given.dtype.kind not in "biu":
        raise InputError(
            f"{name} is an array of {given.dtype}; expected object ids, uint8 or other integers, "
            "or bool"
        )
    if given.dtype != np.uint8 and given.size and (given.min() < 0 or given.max() > 255):
        raise InputError(
            f"{name} has values from {given.min()} to {given.max()}; expected ids 0 to 254, 255 "
            "for void"
        )
    return given.astype(np.uint8, copy=False)
