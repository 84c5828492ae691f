"""The ground floor that every room may stand on: user errors, whole-file writes, hashes, order.

It imports nothing of the project.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


class InputError(ValueError):
    """What the user gave cannot be used; the message says what was expected and what to do.

    The command lines print the message alone, without a traceback, and exit with status 2.
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
