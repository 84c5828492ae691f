"""The journal of a project: one line of JSON for every change, added at the end and never altered.

What a killed process left of its last line is dropped. A line that cannot be written whole, as on
a full disk, is taken back.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from vos.errors import InputError

MAX_LINE = 1 << 28
"""The most bytes of a line: one change of every frame of a long video."""
MAX_BYTES = 1 << 33
_LAZY_SYNC = 1.0
"""Seconds that lines written without `sync` wait at most for the disk, while more come."""


class Journal:
    """A journal that is open for more lines.

    Args:
        path: the file, a regular one; it is made where it lacks.

    Raises:
        InputError: it cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise InputError(f"{path} cannot be written to ({error.strerror})") from None
        self._size = os.fstat(self._handle).st_size
        self._is_whole = True
        self._is_synced = True
        self._synced_at = time.monotonic()

    def records(self) -> Iterator[tuple[int, Any]]:
        """Give the records with their lines' numbers, and cut off what is left of a torn line.

        Raises:
            InputError: a line is damaged, or the file is too large to be a journal.
        """
        whole = 0
        for number, record, end in journal_records(self.path):
            whole = end
            yield number, record
        if whole < self._size:
            self._cut(whole)

    def append(self, record: Any, *, sync: bool) -> None:
        """Add a line.

        Args:
            record: any value of JSON.
            sync: wait until it is on the disk; otherwise that is seen to about once a second.

        Raises:
            OSError: it cannot be written; then the file is as it was.
        """
        line = json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        if len(line) > MAX_LINE:
            raise OSError(f"the change takes {len(line)} bytes, too many for the journal")
        if not self._is_whole:
            self._cut(self._size)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            if sync or time.monotonic() - self._synced_at > _LAZY_SYNC:
                self._sync()
            else:
                self._is_synced = False
        except BaseException:
            self._is_whole = False
            with suppress(OSError):  # or before the next line, or by the next process
                self._cut(self._size)
            raise
        self._size += len(line)

    def close(self) -> None:
        """See that all lines are on the disk, and close the file.

        Raises:
            OSError: they cannot be written.
        """
        try:
            if not self._is_synced:
                self._sync()
        finally:
            os.close(self._handle)

    def _sync(self) -> None:
        os.fsync(self._handle)
        self._is_synced, self._synced_at = True, time.monotonic()

    def _cut(self, size: int) -> None:
        os.ftruncate(self._handle, size)
        self._size, self._is_whole = size, True


def journal_records(path: Path) -> Iterator[tuple[int, Any, int]]:
    """Give a journal's records with their lines' numbers, and the bytes up to their ends.

    What is left of a torn last line is passed over.

    Raises:
        InputError: a line is damaged, or the file is too large to be a journal.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"{path} has {size} bytes, too many for a journal")
    end = number = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if not line.endswith(b"\n"):
                if len(line) > MAX_LINE:
                    raise InputError(f"{path}, line {number}: too long for a change")
                return
            end += len(line)
            yield number, _parsed(line, path, number), end


def _parsed(line: bytes, path: Path, number: int) -> Any:
    try:
        return json.loads(line.decode(), parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}, line {number}: damaged ({error}). Keep a copy of the folder; with "
            "that line and those after it removed, the project opens as it was before them"
        ) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value
