"""Masks: index maps of object ids, the DAVIS palette, ids <-> channels, files in and out.

A mask is a uint8 array (H, W): 0 is background, 1 to 254 are object ids, 255 is void (ignored).
The palette and the indexed PNG are those of J. Pont-Tuset et al., DAVIS 2017 (arXiv 1704.00675).
What values a user's mask file may hold and how they become ids is in `vos.masks.values`.

Shape letters: O objects + background, H W pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vos.errors import InputError
from vos.files import atomic_path
from vos.masks.annotation_files import SUFFIXES, read_annotations
from vos.masks.ids import (
    MAX_ID,
    VOID,
    fit_mask,
    ids_from_channels,
    object_ids,
    one_hot,
    resize_nearest,
)
from vos.masks.palette import DAVIS_PALETTE, Color
from vos.masks.transparency import from_transparent, from_transparent_indexes
from vos.masks.values import (
    LoadedMask,
    ValueRules,
    from_array,
    from_colors,
    from_gray,
    from_indexed,
)

__all__ = [
    "DAVIS_PALETTE",
    "MAX_ID",
    "VOID",
    "LoadedMask",
    "fit_mask",
    "ids_from_channels",
    "object_ids",
    "one_hot",
    "read_index_png",
    "read_mask",
    "resize_nearest",
    "write_mask",
]


# NumPy reads a header with Python's own tokenizer and parser
_NPY_ERRORS = (OSError, ValueError, EOFError, SyntaxError, TokenError)
# Pillow's parsers of damaged files raise what they trip over
_PICTURE_ERRORS = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError,
                   struct.error, MemoryError, Image.DecompressionBombError)  # fmt: skip
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _bit_depth(path: Path) -> int:
    """Return the bits a sample of a PNG file, 8 for what is not a PNG."""
    with path.open("rb") as handle:
        header = handle.read(25)
    return header[24] if header.startswith(_PNG_SIGNATURE) and len(header) == 25 else 8


def _open_image(path: Path) -> Image.Image:
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
    except _PICTURE_ERRORS as error:
        raise InputError(f"{path}: not a readable image ({error})") from error


def read_index_png(path: str | Path) -> NDArray[np.uint8]:
    """Read a mask (H, W) uint8 from an indexed or 8-bit gray PNG whose values are ids.

    Nothing is guessed: this is the reader for scoring.

    Raises:
        InputError: the file is missing or damaged, no PNG, or has colours or 16 bits a sample.
    """
    path = Path(path)
    image = _open_image(path)
    with path.open("rb") as handle:
        is_png = handle.read(8) == _PNG_SIGNATURE
    if not is_png or image.mode not in {"P", "L", "1"}:
        kind = f"a PNG of mode {image.mode}" if is_png else "not a PNG"
        raise InputError(
            f"{path}: {kind}; expected an indexed or 8-bit gray PNG whose values are object ids"
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


def _file_palette(image: Image.Image) -> NDArray[np.uint8]:
    """Return an indexed image's palette (256, 3), black where it has no entry."""
    stored = np.frombuffer(bytes(image.getpalette("RGB") or ()), np.uint8)
    entries = stored.reshape(-1, 3)[:256]  # (3N,) -> (N, 3), N at most 256
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(entries)] = entries
    return palette


def _read_npy(path: Path) -> NDArray[np.generic]:
    try:
        array = np.load(path, allow_pickle=False)
    except (*_NPY_ERRORS, MemoryError) as error:
        raise InputError(f"{path}: not a readable .npy file ({error})") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: an archive of arrays; expected one array in a .npy file")
    return array


def read_mask(
    path: str | Path,
    *,
    snap: bool = False,
    trust: bool = False,
    known: Mapping[int, int | Color] | None = None,
    frame_name: str | None = None,
) -> LoadedMask:
    """Read a mask that a user gives, in any of the usual forms.

    Indexed pictures (the indexes are ids), gray ones (the values are ids; 0 and 255 alone are
    black and white: object 1), RGB (one id per colour, black is background), cut-outs (what is
    opaque is object 1), .npy (integers or bool), JSON of LabelMe or COCO, XML of CVAT; or a folder
    of masks that are named as the frames are. In id maps 255 is void: lines around objects.
    Transparent pixels are background.

    Args:
        path: the file.
        snap: give each pixel of a picture with stray values (anti-aliased edges, JPEG) the
            nearest of its main values instead of refusing it.
        trust: take ids as they are, however thin the objects, and 255 as void wherever it is.
        known: the mapping of an earlier mask of the same video, to give its colours their ids.
        frame_name: the frame's name, to choose from a folder, or from a file of several frames.

    Raises:
        InputError: unreadable, ids above 254, stray values without `snap`, values between two
            objects, 255 over an area beside ids, a photograph, or no object at all.
    """
    path = Path(path)
    if path.is_dir():
        path = _file_for_frame(path, frame_name)
    if not path.is_file():
        raise InputError(f"{path}: no such mask file")
    if path.suffix.lower() in SUFFIXES:
        ids, labels = read_annotations(path, frame_name)
        return LoadedMask(ids, "annotations", labels=labels)
    name = str(path)
    rules = ValueRules(snap, trust, _is_lossy(path), known or {})
    if path.suffix.lower() == ".npy":
        loaded = from_array(_read_npy(path), name, rules)
    else:
        loaded = _from_image(_open_image(path), name, rules)
    if not object_ids(loaded.ids):
        void = int((loaded.ids == VOID).sum())
        also = f" ({void} pixels are {VOID}, which is void)" if void else ""
        raise InputError(f"{path}: an empty mask, no pixel belongs to an object{also}")
    return loaded


def _file_for_frame(folder: Path, frame_name: str | None) -> Path:
    """Return the file of a folder that is named as a frame is.

    Raises:
        InputError: there is none, or several.
    """
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.stem == frame_name)
    if len(files) != 1:
        several = f"{len(files)} files" if files else "no file"
        raise InputError(
            f"{folder}: {several} named as the frame {frame_name}; give one mask file, or a "
            f"folder with one of that name ({frame_name}.png)"
        )
    return files[0]


def _is_lossy(path: Path) -> bool:
    """Say whether a file's first bytes are those of JPEG or of lossy WebP."""
    with path.open("rb") as handle:
        start = handle.read(16)
    return start.startswith(b"\xff\xd8") or (start[8:15] == b"WEBPVP8" and start[15:] == b" ")


def _from_image(image: Image.Image, name: str, rules: ValueRules) -> LoadedMask:
    """Read a decoded picture according to its mode."""
    image = ImageOps.exif_transpose(image)
    mode = image.mode
    if mode == "P":
        indexes, palette = np.array(image), _file_palette(image)
        clear = _clear_indexes(image)
        if clear[np.unique(indexes)].any():
            return from_transparent_indexes(indexes, palette, clear, name, rules)
        return from_indexed(indexes, palette, name, rules)
    if mode == "1":
        return from_gray(np.asarray(image).astype(np.uint8) * 255, name)
    if mode.startswith("I") or (mode == "L" and "transparency" not in image.info):
        return from_gray(np.asarray(image).astype(np.int64), name, rules)
    if mode == "F":
        raise InputError(f"{name}: a picture of real numbers; expected whole ids or colours")
    if mode.endswith(("A", "a")) or "transparency" in image.info:
        return from_transparent(np.asarray(image.convert("RGBA")), name, rules)
    return from_colors(np.asarray(image.convert("RGB")), name, rules)


def _clear_indexes(image: Image.Image) -> NDArray[np.bool_]:
    """Say which of an indexed picture's 256 indexes are transparent."""
    stored = image.info.get("transparency")
    clear = np.zeros(256, bool)
    if isinstance(stored, bytes):
        alpha = np.frombuffer(stored, np.uint8)[:256]
        clear[: len(alpha)] = alpha < 128
    elif isinstance(stored, int):
        clear[stored] = True
    return clear
