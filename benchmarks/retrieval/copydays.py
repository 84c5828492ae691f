"""Copydays in its published layout (M. Douze et al., CIVR 2009).

    <root>/original/<image>      what was copied
    <root>/strong/<image>        strong copies: print and scan, blur, paint, ...
    <root>/jpegqual/<q>/<image>  JPEG of quality q
    <root>/crops/<c>/<image>     c percent cut away

A copy and its original have the same first four characters in their names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.features.image_sets import ImageSet, open_images
from benchmarks.retrieval.average_precision import average_precision
from vos.errors import InputError
from vos.files import natural_key

STRONG = "strong"
_ORIGINAL = "original"
_GRADED = ("jpegqual", "crops")


@dataclass(frozen=True)
class CopyBlock:
    """Copies of one kind, and the originals that each should find."""

    name: str
    images: ImageSet
    positives: tuple[frozenset[int], ...]
    """By copy: numbers of its originals in the database."""


@dataclass(frozen=True)
class Copydays:
    """Originals and blocks of copies."""

    originals: ImageSet
    blocks: tuple[CopyBlock, ...]


def open_copydays(root: Path, prefix: int) -> Copydays:
    """Open the originals and every block of copies that is there.

    Args:
        root: the folder.
        prefix: characters of the file name that a copy shares with its original.

    Raises:
        InputError: no originals or no copies; a copy without an original.
    """
    if prefix < 1:
        raise InputError(f"the common prefix has {prefix} characters; expected at least 1")
    if not (root / _ORIGINAL).is_dir():
        raise InputError(f"{root} has no folder {_ORIGINAL}; expected Copydays' layout")
    originals = open_images(root / _ORIGINAL)
    by_prefix: dict[str, set[int]] = {}
    for number in range(len(originals)):
        by_prefix.setdefault(_prefix(originals, number, prefix), set()).add(number)
    folders = [root / STRONG] if (root / STRONG).is_dir() else []
    for kind in _GRADED:
        if (root / kind).is_dir():
            graded = [f for f in (root / kind).iterdir() if f.is_dir()]
            folders += sorted(graded, key=lambda f: natural_key(f.name))
    if not folders:
        raise InputError(f"{root} holds no copies; expected {STRONG}, jpegqual/* or crops/*")
    blocks = tuple(_block(f.relative_to(root).as_posix(), f, by_prefix, prefix) for f in folders)
    return Copydays(originals, blocks)


def _block(name: str, folder: Path, by_prefix: dict[str, set[int]], prefix: int) -> CopyBlock:
    images = open_images(folder)
    positives = []
    for number in range(len(images)):
        originals = by_prefix.get(_prefix(images, number, prefix))
        if originals is None:
            raise InputError(
                f"{folder / images.name(number)} has no original: none begins with "
                f"{_prefix(images, number, prefix)!r}"
            )
        positives.append(frozenset(originals))
    return CopyBlock(name, images, tuple(positives))


def _prefix(images: ImageSet, number: int, length: int) -> str:
    return Path(images.name(number)).name[:length]


def block_map(nearest: NDArray[np.int64], positives: tuple[frozenset[int], ...]) -> float:
    """Return the mean average precision of a block, from 0 to 1.

    Args:
        nearest: (copies, places) numbers in the database, best first; what lies beyond the last
            place counts as not found.
        positives: by copy, the numbers that it should find.
    """
    aps = [
        average_precision(
            [place for place, number in enumerate(row) if number in wanted], len(wanted)
        )
        for row, wanted in zip(nearest.tolist(), positives, strict=True)
    ]
    return float(np.mean(aps))
