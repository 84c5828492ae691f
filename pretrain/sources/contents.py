"""A hash of what samples hold, which names do not tell: the sizes of all, the sums of some."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

SUMMED_SAMPLES = 256
SUMMED_BYTES = 1 << 18


def hash_of_contents(sizes: np.ndarray, first_bytes: Callable[[int], bytes]) -> str:
    """Return a hash of the sizes (N,) of all files, and of what some of them begin with.

    Args:
        sizes: int64 bytes of each; -1 where a file cannot be looked at.
        first_bytes: reads up to `SUMMED_BYTES` from the start of one, by number. It is asked for
            at most `SUMMED_SAMPLES`, spread evenly.
    """
    digest = hashlib.sha256(sizes.astype("<i8").tobytes())
    count = min(len(sizes), SUMMED_SAMPLES)
    for index in np.linspace(0, len(sizes) - 1, count).round().astype(int):
        digest.update(hashlib.sha256(first_bytes(int(index))).digest())
    return digest.hexdigest()


def hash_of_files(paths: Callable[[int], Path], count: int) -> str:
    """Return the same of `count` files whose paths are given by number."""
    sizes = np.array([_size(paths(index)) for index in range(count)], dtype=np.int64)
    return hash_of_contents(sizes, lambda index: _first_bytes(paths(index)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(SUMMED_BYTES)
    except OSError:
        return b""
