"""HEIC and AVIF pictures, which Pillow reads: AVIF by itself, HEIC with the package pillow-heif."""

from __future__ import annotations

import importlib
import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")


def is_box_picture(data: bytes) -> bool:
    """Say whether a file's bytes start as HEIC and AVIF do: a box of their brand."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def is_animated_avif(path: Path) -> bool:
    """Say whether a file is an AVIF of several frames, which is read as a video."""
    with path.open("rb") as file:
        return file.read(12)[4:] == b"ftypavis"


def register_heif() -> None:
    """Make Pillow read HEIC where pillow-heif is installed."""
    if find_spec("pillow_heif"):
        importlib.import_module("pillow_heif").register_heif_opener()


def decode_box_picture(data: bytes) -> NDArray[np.uint8] | None:
    """Decode HEIC or AVIF to BGR uint8 (H, W, 3), upright; None if Pillow cannot."""
    register_heif()
    try:
        with Image.open(io.BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, RuntimeError):
        return None
    return np.ascontiguousarray(np.asarray(upright)[..., ::-1])
