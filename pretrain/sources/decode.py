"""Image bytes to RGB pixels: right for every colour form, quick for ordinary JPEGs.

Ordinary JPEGs go through OpenCV, at a reduced scale where that loses nothing. All else goes
through Pillow, which knows palettes, alpha, CMYK and 16 bits. Levels of more than 8 bits are scaled
as `vos.pictures.levels` says, each picture on its own.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vos.pictures.jpeg import jpeg_damage, with_end
from vos.pictures.levels import (
    FULL,
    DeepForm,
    deep_form,
    read_levels,
    shown_in_8_bits,
    to_8_bits,
    white_of,
)
from vos.pictures.orientation import orientation_of

_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
if find_spec("pillow_heif"):
    import_module("pillow_heif").register_heif_opener()
_PLAIN_MODES = ("RGB", "L")


_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


class BrokenImageError(Exception):
    """These bytes are no readable image; the message says why."""


@dataclass(frozen=True)
class Header:
    """What an image file says of itself before its pixels are read."""

    height: int
    width: int
    """Pixels, after the rotation that EXIF asks for."""
    format: str
    mode: str
    turn: int
    """EXIF orientation, 1 = upright."""


def read_header(data: bytes) -> Header:
    """Read size and form without decoding.

    Raises:
        BrokenImageError: Pillow does not recognise the bytes as an image.
    """
    return _header(_open(data))


def _open(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        raise BrokenImageError("not an image") from error
    except Exception as error:  # parsers of damaged files raise whatever they trip over
        raise BrokenImageError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError | MemoryError):
        return f"too large to decode: {error}"
    return str(error) or type(error).__name__


def _header(image: Image.Image) -> Header:
    turn = orientation_of(image)
    width, height = image.size
    if turn in _TURNED:
        width, height = height, width
    return Header(height, width, image.format or "", image.mode, turn)


def decode(data: bytes, header: Header, reduction: int = 1) -> tuple[np.ndarray, int]:
    """Decode to RGB.

    Args:
        data: the file's bytes.
        header: what `read_header` found in them.
        reduction: 1, 2, 4 or 8: how much smaller the image may come out.

    Returns:
        (H, W, 3) uint8, upright, and the reduction that was made: 1 where the form of the file
        allows no other.

    Raises:
        BrokenImageError: the file is cut short or damaged.
    """
    if damage := jpeg_damage(data):
        raise BrokenImageError(f"damaged: {damage}")
    data = with_end(data)
    whole = b"\xff\xd9" in data[-64:]
    if header.format == "JPEG" and header.mode in _PLAIN_MODES and whole:
        flag = _REDUCED[reduction]
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
        if image is not None:
            return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), reduction
    return _decode_with_pillow(data), 1


def _decode_with_pillow(data: bytes) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = _narrow_levels(data) or ImageOps.exif_transpose(_open(data))
            return np.array(_to_rgb(image), dtype=np.uint8)
    except BrokenImageError:
        raise
    except Exception as error:  # as in `_open`
        raise BrokenImageError(_reason(error)) from error


def _narrow_levels(data: bytes) -> Image.Image | None:
    """Read what holds other levels than 16 bits in more than 8, or inverted ones.

    All other files give None.

    A picture is on its own here: its highest level says which one is white.
    """
    form = deep_form(data)
    levels = read_levels(data, form) if form else None
    if form is None or levels is None:
        return None
    white = white_of(levels, form)
    if white == FULL and not form.is_inverted:
        return None
    image = shown_in_8_bits(levels, white, form)
    if image.ndim == 3:  # OpenCV has blue first
        image = image[..., [2, 1, 0, 3][: image.shape[2]]]
    return Image.fromarray(image)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Bring any Pillow mode to 8-bit RGB; what is transparent is laid on white."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        levels = np.asarray(image)
        return Image.fromarray(to_8_bits(levels, _white(levels))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _white(levels: np.ndarray) -> float:
    """Return the level of white of what Pillow gives in more than 8 bits."""
    highest = float(levels.max(initial=0))
    if np.issubdtype(levels.dtype, np.floating):
        return white_of(levels, DeepForm(32, is_real=True))
    return 255 if levels.dtype.itemsize > 2 and highest <= 255 else FULL
