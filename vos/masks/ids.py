"""Index maps of object ids: which ids there are, one-hot labels, sizes.

Shape letters: O objects + background, H W pixels.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.errors import InputError


def object_ids(ids: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the object ids in a mask (H, W), sorted, without background and void."""
    present = np.bincount(np.ravel(ids), minlength=256)[1:VOID]
    return tuple(int(i) + 1 for i in np.flatnonzero(present))


def one_hot(ids: NDArray[np.uint8], objects: Iterable[int]) -> NDArray[np.float32]:
    """Turn a mask (H, W) into channels (O, H, W) float32: background, then `objects` in order.

    Void pixels, and ids that are not among `objects`, are in no channel.
    """
    channels = np.array([0, *objects], dtype=np.int64)
    # (1, H, W) == (O, 1, 1) -> (O, H, W)
    return (ids[None] == channels[:, None, None]).astype(np.float32)


def ids_from_channels(channels: NDArray[np.integer], objects: Iterable[int]) -> NDArray[np.uint8]:
    """Turn a map of channel numbers (H, W), 0 for background, into a mask of ids (H, W) uint8.

    `objects` are the ids behind channels 1, 2, ...: what `one_hot` was given.
    """
    return np.array([0, *objects], dtype=np.uint8)[channels]


def resize_nearest(ids: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize a mask to (height, width) by Pillow's nearest neighbour, as the protocol does."""
    if ids.shape == (height, width):
        return ids
    image = Image.fromarray(np.ascontiguousarray(ids))
    return np.array(image.resize((width, height), Image.Resampling.NEAREST))


def fit_mask(
    ids: NDArray[np.uint8], height: int, width: int, resize: bool = False, name: str = "the mask"
) -> NDArray[np.uint8]:
    """Return the mask at the frame's size: as it is, resized if `resize`, or an error.

    Warns if an object is lost in the resizing.

    Raises:
        InputError: the sizes differ and `resize` is false, or the aspects differ.
    """
    if ids.shape == (height, width):
        return ids
    sizes = f"{name} is {ids.shape[1]}x{ids.shape[0]} pixels, its frame is {width}x{height}"
    if not _same_aspect(ids.shape, (height, width)):
        if _same_aspect(ids.shape[::-1], (height, width)):
            raise InputError(
                f"{sizes} (width x height): it is turned against the frame. Turn it "
                "(--rotate-mask 90 or --rotate-mask 270, clockwise)."
            )
        raise InputError(
            f"{sizes} (width x height), of another aspect. Give a mask of the frame's size; "
            "--resize-mask takes masks of the frame's aspect alone."
        )
    if not resize:
        raise InputError(
            f"{sizes} (width x height). Give a mask of the frame's size, or ask for it to be "
            "resized (--resize-mask)."
        )
    fitted = resize_nearest(ids, height, width)
    if lost := sorted(set(object_ids(ids)) - set(object_ids(fitted))):
        warnings.warn(f"{name}: objects {lost} vanish at {width}x{height}", stacklevel=2)
    return fitted


def _same_aspect(size: tuple[int, ...], frame: tuple[int, int]) -> bool:
    """Say whether a size (H, W) has a frame's aspect, to 1 % or two pixels of the frame."""
    across = size[1] * frame[0] / size[0]  # the width, were it brought to the frame's height
    down = size[0] * frame[1] / size[1]
    near_width = abs(across - frame[1]) <= max(2.0, 0.01 * frame[1])
    return near_width or abs(down - frame[0]) <= max(2.0, 0.01 * frame[0])


def present_ids(ids: NDArray[np.uint8]) -> set[int]:
    """Return all values in a mask (H, W) but background."""
    counts = cv2.calcHist([ids], [0], None, [256], [0, 256]).ravel()
    return {int(value) for value in np.flatnonzero(counts)} - {0}


VOID = 255
"""The id of pixels that belong to nothing and are ignored."""


MAX_ID = 254
"""The largest object id that a mask can hold."""
