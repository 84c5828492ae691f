"""Exported files under their names: folders packed as zip, all of them there or none."""

from __future__ import annotations

import os
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKED_ALREADY = frozenset({".png", ".jpg", ".mp4", ".mov"})


@contextmanager
def working_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder inside `out`, and remove it in the end, whatever happens.

    Raises:
        OSError: it cannot be made.
    """
    out.mkdir(parents=True, exist_ok=True)
    folder = out / f".export.{secrets.token_hex(4)}.part"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pack(folder: Path, target: Path, before_each: Callable[[], None]) -> None:
    """Put the files of a folder into a zip file, and remove each from the folder meanwhile.

    Args:
        folder: its files keep their paths in it.
        target: the zip file.
        before_each: called before each file; may raise to stop.

    Raises:
        OSError: the file cannot be written.
    """
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            before_each()
            stored = path.suffix.lower() in _PACKED_ALREADY
            kind = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            name = path.relative_to(folder).as_posix().encode("utf-8", "backslashreplace")
            archive.write(path, name.decode(), compress_type=kind, compresslevel=4)
            path.unlink()


def flush(path: Path) -> None:
    """See that a file's contents are on disk."""
    with path.open("r+b") as handle:
        os.fsync(handle.fileno())
