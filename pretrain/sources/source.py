"""A source of images: a numbered list of samples, read in any order by any number of workers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from vos.files import HEIF_SUFFIXES, IMAGE_SUFFIXES

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".wmv", ".3gp")
)
_COMPANIONS = frozenset(  # words about pictures, not pictures that one might miss
    ("", ".txt", ".json", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".md", ".html", ".cls")
)
_HEIF_ADVICE = " (pip install pillow-heif)"


class Source(Protocol):
    """A numbered list of samples."""

    kind: str
    """What it is, in a word or two."""
    skipped: Counter[str]
    """How many files of each suffix lie there and are not read."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def name(self, index: int) -> str:
        """Return a name for messages; its folders tell the class where there are classes."""
        ...

    def read(self, index: int, random: np.random.Generator) -> bytes | np.ndarray:
        """Return an encoded image, or a decoded frame (H, W, 3) uint8 RGB.

        Raises:
            BrokenImageError: the sample cannot be read.
        """
        ...

    def order(self, random: np.random.Generator) -> np.ndarray:
        """Return all indexes once, in an order drawn at random."""
        ...

    def fingerprint(self) -> str:
        """Return a hash that changes with the list of samples."""
        ...

    def contents(self) -> str:
        """Return a hash that changes with what the samples hold, as far as sizes and sums tell."""
        ...


class NameTable:
    """Many names in two flat blocks of memory, quick to hand to workers."""

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [name.encode("utf-8", "surrogateescape") for name in names]
        self._ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
        self._text = b"".join(encoded)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        start = int(self._ends[index - 1]) if index else 0
        return self._text[start : int(self._ends[index])].decode("utf-8", "surrogateescape")

    def fingerprint(self) -> str:
        """Return a hash of all names in order."""
        return hashlib.sha256(self._text + self._ends.tobytes()).hexdigest()


class ListedSource:
    """What all sources with a table of names share."""

    kind = "images"
    names: NameTable

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        """Return the sample's name, fit to be printed and stored."""
        return self.names[index].encode("utf-8", "backslashreplace").decode("utf-8")

    def order(self, random: np.random.Generator) -> np.ndarray:
        """Return all indexes once, shuffled."""
        return random.permutation(len(self))

    def fingerprint(self) -> str:
        """Return a hash of all names."""
        return self.names.fingerprint()


def is_hidden(name: str) -> bool:
    """Whether a file, or a folder that it lies in, is hidden or macOS's copy of its metadata."""
    parts = Path(name).parts
    return any(part.startswith(".") and part != ".." for part in parts) or "__MACOSX" in parts


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for an image; nothing hidden is."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES and not is_hidden(name)


def skipped_suffix(name: str) -> str | None:
    """Return the suffix under which a file that is not read counts as skipped.

    Returns:
        The suffix in small letters; None for hidden files, and for text beside the pictures.
    """
    suffix = Path(name).suffix.lower()
    return None if suffix in _COMPANIONS or is_hidden(name) else suffix


def describe_skipped(skipped: Counter[str]) -> str:
    """Return one line about files that are not read; an empty one where there are none."""
    if not skipped:
        return ""
    forms = [
        f"{count:,} {suffix}{_HEIF_ADVICE if suffix in HEIF_SUFFIXES else ''}"
        for suffix, count in skipped.most_common()
    ]
    total = skipped.total()
    return f"{total:,} file{'s' if total > 1 else ''} skipped: {', '.join(forms)}"
