"""Masks: index maps of object ids, the DAVIS palette, ids <-> channels, files in and out.

A mask is a uint8 array (H, W): 0 is background, 1 to 254 are object ids, 255 is void (ignored).
The palette and the indexed PNG are those of J. Pont-Tuset et al., DAVIS 2017 (arXiv 1704.00675).
What values a user's mask file may hold and how they become ids is in `vos.mask_values`.

Shape letters: O objects + background, H W pixels.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.files import InputError, atomic_path

VOID = 255
"""The id of pixels that belong to nothing and are ignored."""

MAX_ID = 254
"""The largest object id that a mask can hold."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _davis_palette() -> NDArray[np.uint8]:
    """Spread the bits of an id over three channels, the lowest bits to the highest places.

    Bit 3k + c of the id is bit 7 - k of channel c, so near ids get far colours.
    """
    ids = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        place, channel = divmod(bit, 3)
        palette[:, channel] |= (((ids >> bit) & 1) << (7 - place)).astype(np.uint8)
    palette.setflags(write=False)
    return palette


DAVIS_PALETTE = _davis_palette()
"""(256, 3) uint8 RGB: the colour of each id in DAVIS's own annotation files."""


def object_ids(ids: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the object ids in a mask (H, W), sorted, without background and void."""
    present = np.bincount(np.ravel(ids), minlength=256)[1:VOID]
    return tuple(int(i) + 1 for i in np.flatnonzero(present))


def one_hot(ids: NDArray[np.uint8], objects: Iterable[int]) -> NDArray[np.float32]:
    """Turn a mask (H, W) into channels (O, H, W) float32: background, then `objects` in order.

    Void pixels, and ids that are not among `objects`, are in no channel.
    """
    channels = np.array([0, *objects], dtype=np.int64)
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
        InputError: the sizes differ and `resize` is false.
    """
    if ids.shape == (height, width):
        return ids
    if not resize:
        raise InputError(
            f"{name} is {ids.shape[1]}x{ids.shape[0]} pixels, its frame is {width}x{height} "
            "(width x height). Give a mask of the frame's size, or ask for it to be resized "
            "(--resize-mask)."
        )
    fitted = resize_nearest(ids, height, width)
    if lost := sorted(set(object_ids(ids)) - set(object_ids(fitted))):
        warnings.warn(f"{name}: objects {lost} vanish at {width}x{height}", stacklevel=2)
    return fitted


def _bit_depth(path: Path) -> int:
    """Return the bits a sample of a PNG file, 8 for what is not a PNG."""
    with path.open("rb") as handle:
        header = handle.read(25)
    return header[24] if header.startswith(PNG_SIGNATURE) and len(header) == 25 else 8


def open_image(path: Path) -> Image.Image:
    """Open and decode an image file; gray PNGs of 2 or 4 bits keep their stored values.

    Raises:
        InputError: there is no such file, or it is no image or a damaged one.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such mask file")
    try:
        with Image.open(path) as image:
            image.load()
            depth = _bit_depth(path)
            if image.mode == "L" and depth < 8:
                # Pillow stretches 2 and 4 bit gray to 0..255; ids must stay what they were.
                stored = np.asarray(image) // (255 // ((1 << depth) - 1))
                return Image.fromarray(stored.astype(np.uint8))
            return image.copy()
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable image ({error})") from error


def read_index_png(path: str | Path) -> NDArray[np.uint8]:
    """Read a mask (H, W) uint8 from an indexed or 8-bit gray PNG whose values are ids.

    Nothing is guessed: this is the reader for scoring.

    Raises:
        InputError: the file is missing or damaged, no PNG, or has colours or 16 bits a sample.
    """
    path = Path(path)
    image = open_image(path)
    with path.open("rb") as handle:
        is_png = handle.read(8) == PNG_SIGNATURE
    if not is_png or image.mode not in {"P", "L", "1"}:
        found = f"a PNG of mode {image.mode}" if is_png else "not a PNG"
        raise InputError(
            f"{path}: {found}; expected an indexed or 8-bit gray PNG whose values are object ids"
        )
    return np.asarray(image).astype(np.uint8)


def write_mask(path: str | Path, ids: NDArray[np.uint8]) -> None:
    """Write a mask (H, W) uint8 as an indexed PNG with the DAVIS palette, whole or not at all.

    Raises:
        ValueError: the mask is not a uint8 map with at least one pixel.
        OSError: the file cannot be written.
    """
    if ids.dtype != np.uint8 or ids.ndim != 2 or ids.size == 0:
        raise ValueError(f"expected a mask (H, W) of uint8, got {ids.shape} of {ids.dtype}")
    image = Image.fromarray(np.ascontiguousarray(ids)).convert("L")
    image.putpalette(DAVIS_PALETTE.tobytes())
    with atomic_path(path) as beside:
        # Flat areas shrink well at any level; level 1 takes half of the default's time.
        image.save(beside, format="PNG", compress_level=1)
