"""How the prompts of several objects on a frame become one mask: the one place for it.

Letters: H W pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError


class Prompted(Protocol):
    """What is asked of a project."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Keeps changes out."""
        ...

    def get(self, key: str) -> Any:
        """Return a value of the state."""
        ...

    def items(self, prefix: str) -> dict[str, Any]:
        """Return the entries whose keys start so."""
        ...

    def mask(self, digest: str) -> NDArray[np.uint8]:
        """Return a mask (H, W)."""
        ...


def composite(project: Prompted, frame: int) -> NDArray[np.uint8] | None:
    """Return the mask (H, W) uint8 of ids of all objects that are prompted on a frame.

    It is what `prompts/` holds for the frame, and what a propagation starts from.

    Returns:
        None if no object is prompted there.

    Raises:
        InputError: a mask is damaged, or they differ in size.
    """
    with project.lock:
        prompts = project.items(f"prompts/{frame}/")
        if not prompts:
            return None
        masks = {int(k.rpartition("/")[2]): project.mask(v["mask"]) for k, v in prompts.items()}
        objects = {number: project.get(f"objects/{number}") or {} for number in masks}
    return composed(masks, {number for number, one in objects.items() if one.get("locked")})


def composed(
    masks: Mapping[int, NDArray[np.uint8]], locked: Collection[int] = ()
) -> NDArray[np.uint8]:
    """Return one mask (H, W) uint8 of ids of masks of one object each.

    Where several objects are, it is the one with the larger id; locked ones go before all others.

    Args:
        masks: by object id, at least one; what is not 0 belongs to the object.
        locked: ids of objects that nothing is drawn over.

    Raises:
        InputError: the masks differ in size.
    """
    shapes = {mask.shape for mask in masks.values()}
    if len(shapes) != 1:
        sizes = ", ".join(f"{shape[1]}x{shape[0]}" for shape in sorted(shapes))
        raise InputError(f"the masks of a frame's prompts differ in size: {sizes}")
    ids = np.zeros(shapes.pop(), np.uint8)
    for number in sorted(masks, key=lambda n: (n in locked, n)):
        ids[masks[number] != 0] = number
    return ids
