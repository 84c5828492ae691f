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
from pathlib import Path
from typing import Any

from vos.errors import InputError

_CHUNK = 1 << 20

FRAME_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
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
    """Write `value` as indented JSON, whole or not at all."""
    with atomic_path(target) as beside:
        beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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
    wanted = set(suffixes)
    paths = [p for p in folder.iterdir() if p.suffix.lower() in wanted and p.name[0] != "."]
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda p: natural_key(p.stem)):
        if path.stem in found:
            raise InputError(
                f"{folder}: {found[path.stem].name} and {path.name} are the same frame; keep one"
            )
        found[path.stem] = path
    return found


def shortened(names: Iterable[object], limit: int = 10) -> str:
    """Join names with commas; name the first `limit` and count the others."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more
