"""What locked objects have in a frame that is propagated anew: what they had before.

Shapes: H W pixels.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from vos.app.project.project import Project


def kept_objects(project: Project, frame: int) -> list[int]:
    """Return the locked objects that a frame's mask was made with, rising.

    They are in the mask, or the frame has their confidence, as one has that is out of sight.
    """
    before = project.get(f"frames/{frame}")
    if before is None:
        return []
    known = {*before["areas"], *before["confidence"]}
    objects = {number: project.get(f"objects/{number}") for number in known}
    return sorted(int(number) for number, one in objects.items() if one and one["locked"])


def with_kept(
    ids: NDArray[np.uint8], before: NDArray[np.uint8], kept: Collection[int]
) -> NDArray[np.uint8]:
    """Return a mask (H, W) of ids in which some objects have the pixels that they had before.

    They lie over the others. Pixels that they lose are background.

    Args:
        ids: the new mask (H, W).
        before: the frame's mask (H, W) until now.
        kept: ids of those objects.
    """
    numbers = list(kept)
    others = np.where(np.isin(ids, numbers), np.uint8(0), ids)
    return np.where(np.isin(before, numbers), before, others)
