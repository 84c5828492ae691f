"""Pictures from disk as RGB frames: what a source is, which files, in what order, decoded how.

Decoding is OpenCV's, as in the published evaluation of DINO (M. Caron et al., arXiv 2104.14294):
another JPEG decoder gives slightly other pixels.

Shape letters: H W pixels.
"""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.errors import InputError
from vos.files import FRAME_SUFFIXES, HEIF_SUFFIXES, natural_key
from vos.video.box_pictures import decode_box_picture, is_box_picture
from vos.video.sources.file_kind import file_kind
from vos.video.sources.patterns import is_pattern, matches

Kind = Literal["video", "folder", "glob", "image", "pages", "archive", "list", "camera", "stream"]
"""`pages` are several pictures in one file: a TIFF, or an animation that FFmpeg does not read."""
_END_MARKS = {  # start of a file -> the bytes near its end without which it was cut off
    b"\xff\xd8": b"\xff\xd9",
    b"\x89PNG": b"IEND",
}


_ORIENTATION_TAG = 0x112
_SCAN_START = b"\xff\xda"


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


def _is_cut_off(data: bytes | mmap.mmap) -> bool:
    """Say whether a JPEG or PNG lacks its end; decoders fill what is missing with gray."""
    for start, end in _END_MARKS.items():
        if data[: len(start)] == start:
            after = data.rfind(_SCAN_START) if start == b"\xff\xd8" else 0
            return data.find(end, max(after, 0)) < 0
    return False


def _decoded(data: bytes | mmap.mmap) -> cv2.typing.MatLike | None:
    """Decode a file's bytes to BGR, upright; None if it is no picture.

    OpenCV knows the orientation of all forms but WebP, where it depends on its version.
    """
    stored = np.frombuffer(data, np.uint8)
    if is_box_picture(data[:12]):
        return decode_box_picture(bytes(data))
    if data[8:12] != b"WEBP":
        return cv2.imdecode(stored, cv2.IMREAD_COLOR)
    image = cv2.imdecode(stored, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        return None
    with Image.open(io.BytesIO(data)) as opened:
        orientation = opened.getexif().get(_ORIENTATION_TAG, 1)
    if orientation >= 5:
        image = image.swapaxes(0, 1)  # (H, W, 3) -> (W, H, 3)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(image[::rows, ::columns])


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture as RGB uint8 (H, W, 3), upright.

    The orientation written by a camera (EXIF) is applied. Gray and palette pictures become RGB,
    16 bits a channel become 8, transparency is dropped.

    Raises:
        InputError: the file is missing, damaged, cut off, or no picture.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return decode_image(data, str(path))


def decode_image(data: bytes | mmap.mmap, name: str) -> NDArray[np.uint8]:
    """Decode a picture file's bytes as `read_image` does.

    Raises:
        InputError: they are damaged, cut off, or no picture; `name` says whose they are.
    """
    image = None
    if data and not _is_cut_off(data):
        try:
            image = _decoded(data)
        except cv2.error as error:  # a picture too large, or a damaged header
            raise InputError(f"{name}: not a readable picture ({error.err})") from error
    if image is None:
        what = "empty" if not data else "cut off" if _is_cut_off(data) else "not a picture"
        raise InputError(f"{name}: {what} ({len(data)} bytes); replace the file or leave it out")
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
