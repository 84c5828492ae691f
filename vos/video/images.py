"""Pictures from disk as RGB frames: what a source is, which files, in what order, decoded how.

Decoding is OpenCV's, as in the published evaluation of DINO (M. Caron et al., arXiv 2104.14294):
another JPEG decoder gives slightly other pixels.

Shape letters: H W pixels.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.files import FRAME_SUFFIXES, HEIF_SUFFIXES, natural_key
from vos.pictures.jpeg import is_cut_off, jpeg_damage, with_end
from vos.pictures.levels import (
    FULL,
    DeepForm,
    SequenceLevels,
    deep_form,
    read_levels,
    shown_in_8_bits,
    white_of,
)
from vos.pictures.orientation import stored_orientation, turned_upright
from vos.video.box_pictures import decode_box_picture, is_box_picture
from vos.video.sources.file_kind import file_kind
from vos.video.sources.patterns import is_pattern, matches

Kind = Literal[
    "video", "folder", "glob", "image", "pages", "archive", "list", "arrays", "camera", "stream"
]  # fmt: skip
"""`pages` are several pictures in one file: a TIFF, or an animation that FFmpeg does not read;
`arrays` are frames that the caller gave."""
_PNG_START, _PNG_END = b"\x89PNG", b"IEND"


def is_image(path: str | Path) -> bool:
    """Say whether a file's name is that of a picture."""
    path = Path(path)
    return path.suffix.lower() in FRAME_SUFFIXES and not path.name.startswith(".")


def source_kind(source: str | Path) -> Kind:
    """Tell what kind of source of frames a path, pattern or address is.

    A name with `*`, `?`, `[` or a number's place (`%05d`) is a pattern, unless a folder or file
    has just that name; the same goes for the folders that a pattern starts with.

    Raises:
        InputError: there is no such file.
    """
    source = str(source)
    path = Path(source)
    if source.startswith(("camera:", "/dev/video")):
        return "camera"
    if "://" in source:
        return "stream"
    if path.is_dir():
        return "folder"
    if path.is_file():
        return file_kind(path, named_as_picture=is_image(path))
    if is_pattern(source):
        return "glob"
    raise InputError(
        f"{source}: no such file; expected a video file, a folder or pattern of pictures, a "
        "picture, camera:N, or a stream address"
    )


def list_images(source: str | Path) -> list[Path]:
    """List the pictures of a folder or of a glob pattern in natural order; a picture is its own.

    Hidden files and files of other kinds are left out.

    Raises:
        InputError: there is no such file or no picture; or two have the same name apart from
            folder and ending (their masks would be one file).
    """
    kind = source_kind(source)
    if kind == "folder":
        listed = list(Path(source).iterdir())
    else:
        listed = matches(str(source)) if kind == "glob" else [Path(source)]
    images = [path for path in listed if is_image(path) and path.is_file()]
    if not images:
        endings = ", ".join(sorted(FRAME_SUFFIXES))
        heif = sum(path.suffix.lower() in HEIF_SUFFIXES for path in listed)
        others = f"; {heif:,} .heic files skipped (pip install pillow-heif)" if heif else ""
        raise InputError(f"{source}: no pictures found; expected files ending in {endings}{others}")
    images.sort(key=lambda path: natural_key(str(path)))
    refuse_same_names(images)
    return images


def refuse_same_names(paths: Iterable[Path]) -> None:
    """Refuse frames whose masks would be one file.

    Raises:
        InputError: two have the same name apart from folder and ending.
    """
    by_stem: dict[str, Path] = {}
    for path in paths:
        if (other := by_stem.setdefault(path.stem, path)) is not path:
            raise InputError(
                f"{other} and {path} have the same name {path.stem!r}, so their masks would be "
                "one file; give frames where each is there once"
            )


def _damage(data: bytes | mmap.mmap) -> str | None:
    """Say what a JPEG or PNG lacks or holds wrong, where decoders fill in gray or noise."""
    if not data:
        return "empty"
    if isinstance(data, mmap.mmap):  # a page of a TIFF
        return None
    if data.startswith(_PNG_START):
        return None if _PNG_END in data else "cut off"
    if damage := jpeg_damage(data):
        return "cut off" if is_cut_off(data) else f"damaged ({damage})"
    return None


def _decoded(data: bytes | mmap.mmap, levels: SequenceLevels | None) -> cv2.typing.MatLike | None:
    """Decode a file's bytes to BGR, upright; None if it is no picture.

    OpenCV knows the orientation of all forms but WebP, where it depends on its version.

    Raises:
        ValueError: a value is not finite.
    """
    whole = data if isinstance(data, mmap.mmap) else with_end(data)
    stored = np.frombuffer(whole, np.uint8)
    if is_box_picture(data[:12]):
        return decode_box_picture(bytes(data))
    if (form := deep_form(data)) and (deep := _decoded_deep(data, form, levels)) is not None:
        return deep
    if data[8:12] != b"WEBP":
        return cv2.imdecode(stored, cv2.IMREAD_COLOR)
    image = cv2.imdecode(stored, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if image is None else turned_upright(image, stored_orientation(bytes(data)))


def _decoded_deep(
    data: bytes | mmap.mmap, form: DeepForm, levels: SequenceLevels | None
) -> NDArray[np.uint8] | None:
    """Decode a picture of more than 8 bits to BGR, upright; None where all 16 bits count."""
    if levels and levels.white(form) == FULL and form.bits == 16:
        return None  # without decoding it twice
    stored = read_levels(data, form)
    if stored is None:
        return None
    white = levels.white(form) if levels else white_of(stored, form)
    if white == FULL and form.bits == 16:
        return None
    image = shown_in_8_bits(stored, white, form)
    return np.repeat(image[..., None], 3, 2) if image.ndim == 2 else image[..., :3].copy()


def read_image(path: str | Path, levels: SequenceLevels | None = None) -> NDArray[np.uint8]:
    """Read a picture as RGB uint8 (H, W, 3), upright.

    The orientation written by a camera (EXIF) is applied. Gray and palette pictures become RGB,
    more than 8 bits a channel become 8, transparency is dropped.

    Args:
        path: the file.
        levels: the sequence that it is a frame of, whose highest level says which one is white in
            files of more than 8 bits; by default its own does.

    Raises:
        InputError: the file is missing, damaged, cut off, or no picture; or it holds values that
            are not finite.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return decode_image(data, str(path), levels)


def decode_image(
    data: bytes | mmap.mmap, name: str, levels: SequenceLevels | None = None
) -> NDArray[np.uint8]:
    """Decode a picture file's bytes as `read_image` does.

    Raises:
        InputError: they are damaged, cut off, or no picture; `name` says whose they are.
    """
    try:
        image = _decoded(data, levels) if data else None
    except cv2.error as error:  # a picture too large, or a damaged header
        raise InputError(f"{name}: not a readable picture ({error.err})") from error
    except ValueError as error:
        raise InputError(f"{name}: {error}; replace the file or leave it out") from error
    fault = _damage(data) or ("not a picture" if image is None else None)
    if image is None or fault:
        raise InputError(f"{name}: {fault} ({len(data)} bytes); replace the file or leave it out")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def shrunk_size(height: int, width: int, max_size: int | None) -> tuple[int, int]:
    """Return (height, width) with the longer side at most `max_size`, in the same aspect."""
    longer = max(height, width)
    if max_size is None or longer <= max_size:
        return height, width
    return max(1, round(height * max_size / longer)), max(1, round(width * max_size / longer))


def shrink(image: NDArray[np.uint8], max_size: int | None) -> NDArray[np.uint8]:
    """Bring the longer side of a picture (H, W, C) down to `max_size` pixels by area averaging.

    The aspect is kept; a smaller picture, or None, is returned as it is.
    """
    height, width = shrunk_size(image.shape[0], image.shape[1], max_size)
    if (height, width) == image.shape[:2]:
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
