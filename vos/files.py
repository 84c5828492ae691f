"""The ground floor that every room may stand on: whole-file writes, suffixes, hashes, order.

It imports nothing of the project.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vos.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 1 << 20

HEIF_SUFFIXES = frozenset({".heic", ".heif"})
"""Endings of the pictures that need the package pillow-heif."""
_HEIF_READ = HEIF_SUFFIXES if find_spec("pillow_heif") else frozenset()

FRAME_SUFFIXES = (
    frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff"})
    | _HEIF_READ
)
"""Endings, in small letters, of the picture files that are taken for frames of a video."""


IMAGE_SUFFIXES = FRAME_SUFFIXES | {".jpe", ".ppm", ".pgm", ".gif"}
"""Endings of all files that are taken for pictures in collections of single images.

The further ones occur there; a GIF may be a whole animation, so it is no frame of a video, and
the others are no form in which frames are kept.
"""


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Give a path beside `target` to write to; rename it onto `target` when the block succeeds.

    The temporary name keeps the target's suffix, so that writers which look at it agree. If the
    block raises, the temporary file is removed and `target` is left as it was. The data reach
    the disk before the rename, so a crash leaves the old file or the new one, never a part.

    Raises:
        OSError: the folder cannot be made or written to, or the disk is full.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part{target.suffix}")
    try:
        yield beside
        with beside.open("r+b") as handle:  # Windows flushes what is open for writing alone
            os.fsync(handle.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_json(target: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all.

    A file's name that is not UTF-8 is written with JSON's own escapes, and read back as it was.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with atomic_path(target) as beside:
        beside.write_bytes(text.encode("utf-8", "backslashreplace"))


def write_png(target: str | Path, image: NDArray[np.integer], *, level: int | None = None) -> None:
    """Write a picture as PNG, whole or not at all.

    Indexed masks with their palette, which OpenCV cannot write, are `vos.masks.io.write_mask`'s.

    Args:
        target: the file; it is a PNG whatever its name ends in.
        image: (H, W) gray, (H, W, 3) RGB or (H, W, 4) RGBA, of uint8 or uint16.
        level: how hard to compress, from 0 to 9; OpenCV's choice by default.

    Raises:
        ValueError: another shape or type, or no pixel.
        OSError: the file cannot be written.
    """
    import cv2  # here, as most that stands on this module draws nothing

    channels = image.shape[2:]
    known = image.ndim == 2 or (image.ndim == 3 and channels in ((3,), (4,)))
    if not known or image.dtype.name not in ("uint8", "uint16") or not image.size:
        raise ValueError(
            "expected a picture (H, W), (H, W, 3) or (H, W, 4) of uint8 or uint16, got "
            f"{image.shape} of {image.dtype}"
        )
    stored: Any = image  # OpenCV has blue first
    if channels:
        stored = cv2.cvtColor(
            stored, cv2.COLOR_RGB2BGR if channels == (3,) else cv2.COLOR_RGBA2BGRA
        )
    parameters = [] if level is None else [cv2.IMWRITE_PNG_COMPRESSION, level]
    _, data = cv2.imencode(".png", stored, parameters)
    with atomic_path(target) as beside:
        beside.write_bytes(data.tobytes())


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts frame2 before frame10, and digits before letters."""
    parts = re.split(r"(\d+)", name)
    return tuple((0, int(p), p) if p.isdecimal() else (1, 0, p.lower()) for p in parts if p)


def files_by_name(folder: Path, suffixes: Iterable[str]) -> dict[str, Path]:
    """Return the files of a folder with these suffixes by their name, in natural order.

    Raises:
        InputError: two files have one name (a.jpg and a.png).
    """
    allowed = set(suffixes)
    paths = [p for p in folder.iterdir() if p.suffix.lower() in allowed and p.name[0] != "."]
    by_name: dict[str, Path] = {}
    for path in sorted(paths, key=lambda p: natural_key(p.stem)):
        if path.stem in by_name:
            raise InputError(
                f"{folder}: {by_name[path.stem].name} and {path.name} are the same frame; keep one"
            )
        by_name[path.stem] = path
    return by_name


def shortened(names: Iterable[object], limit: int = 10) -> str:
    """Join names with commas; name the first `limit` and count the others."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
