"""A mask file as masks of a project's objects.

Shapes: H W pixels of the frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.app.project.project import Project
from vos.errors import InputError
from vos.masks.ids import object_ids, resize_nearest
from vos.masks.io import read_mask
from vos.masks.palette import screen_color
from vos.video.images import shrunk_size


def imported_objects(
    project: Project,
    path: Path,
    frame_name: str,
    size: tuple[int, int],
    object_id: int | None,
    *,
    snap: bool,
) -> tuple[dict[int, str], dict[int, dict[str, Any]]]:
    """Read a mask file.

    Args:
        project: keeps the masks.
        path: the file.
        frame_name: of the frame that it is for.
        size: H and W of the frame.
        object_id: the object that the file's only one is; None to take its ids.
        snap: give pixels with stray values the nearest of the main values.

    Returns:
        Digest of the mask of each object, and the entries of objects that are new.

    Raises:
        InputError: it cannot be read, has another size, or several objects for one.
    """
    loaded = read_mask(path, snap=snap, frame_name=frame_name)
    ids = _of_size(loaded.ids, size, project.header.max_size, path.name)
    present = object_ids(ids)
    if object_id is not None and len(present) != 1:
        raise InputError(
            f"{path.name} holds {len(present)} objects, {', '.join(map(str, present))}; to take "
            "them all, import it without choosing an object"
        )
    numbers = {i: i if object_id is None else object_id for i in present}
    masks = {number: project.put_mask((ids == i).astype(np.uint8)) for i, number in numbers.items()}
    known = {int(key.partition("/")[2]) for key in project.items("objects/")}
    if object_id is not None:
        return masks, {}
    new = {
        number: {
            "name": f"Object {number}",
            "color": list(screen_color(number)),
            "hidden": False,
            "locked": False,
        }
        for number in masks
        if number not in known
    }
    return masks, new


def _of_size(
    ids: NDArray[np.uint8], size: tuple[int, int], max_size: int | None, name: str
) -> NDArray[np.uint8]:
    """Return a mask at the frame's size; one of the source's size follows its frame.

    Raises:
        InputError: it has another size, or no object is left of it.
    """
    height, width = ids.shape
    if (height, width) != size and shrunk_size(height, width, max_size) != size:
        raise InputError(
            f"{name} is {width}x{height} pixels, the frame {size[1]}x{size[0]} "
            "(width x height); give a mask of the frame's size"
        )
    fitted = resize_nearest(ids, *size)
    if not object_ids(fitted):
        raise InputError(f"{name}: its objects are too small, nothing of them is left")
    return fitted
