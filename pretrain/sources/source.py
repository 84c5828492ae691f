"""Where images come from: folders, zip and tar archives, WebDataset shards, videos.

A source is a numbered list of samples, read in any order by any number of workers.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Protocol

import numpy as np

from pretrain.decode import BrokenImageError
from vos.errors import InputError
from vos.files import natural_key

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".gif")
)
VIDEO_SUFFIXES = frozenset((".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg"))
_COMPRESSED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


class Source(Protocol):
    """A numbered list of samples."""

    kind: str
    """What it is, in a word or two."""

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


class FolderSource(ListedSource):
    """The images of a folder, at any depth."""

    kind = "folder"

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root = root
        self.names = NameTable(names)

    def read(self, index: int, random: np.random.Generator) -> bytes:
        """Return the file's bytes."""
        try:
            return (self.root / self.names[index]).read_bytes()
        except OSError as error:
            raise BrokenImageError(error.strerror or str(error)) from error


class ZipSource(ListedSource):
    """The images of a zip archive, or of one folder in it."""

    kind = "zip archive"

    def __init__(self, path: Path, prefix: str = "") -> None:
        self.path = path
        self._opened: tuple[int, zipfile.ZipFile] | None = None
        try:
            members = self._archive().namelist()
        except (zipfile.BadZipFile, OSError) as error:
            raise InputError(f"{path} is no readable zip archive: {error}") from error
        inside = f"{prefix.strip('/')}/" if prefix else ""
        names = [n for n in members if n.startswith(inside) and is_image_name(n)]
        self.names = NameTable(sorted(names, key=natural_key))

    def _archive(self) -> zipfile.ZipFile:
        """Open the archive once a process: two must not share the file's position."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), zipfile.ZipFile(self.path))
        return self._opened[1]

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_opened": None}

    def read(self, index: int, random: np.random.Generator) -> bytes:
        """Return the member's bytes."""
        try:
            return self._archive().read(self.names[index])
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError) as error:
            raise BrokenImageError(str(error)) from error


class TarSource(ListedSource):
    """The images of uncompressed tar archives, WebDataset shards among them."""

    kind = "tar archives"

    def __init__(self, paths: Sequence[Path], prefix: str = "") -> None:
        self.paths = list(paths)
        names: list[str] = []
        places: list[tuple[int, int, int]] = []
        for number, path in enumerate(paths):
            for name, offset, size in tar_members(path):
                if not prefix or name.startswith(f"{prefix.strip('/')}/"):
                    names.append(name if len(paths) == 1 else f"{path.name}/{name}")
                    places.append((number, offset, size))
        self.names = NameTable(names)
        self._places = np.array(places, dtype=np.int64).reshape(-1, 3)

    def read(self, index: int, random: np.random.Generator) -> bytes:
        """Return the member's bytes."""
        number, offset, size = (int(v) for v in self._places[index])
        return read_span(self.paths[number], offset, size)


def read_span(path: Path, offset: int, size: int) -> bytes:
    """Read so many bytes of a file from an offset.

    Raises:
        BrokenImageError: the file is shorter, or cannot be read.
    """
    try:
        with path.open("rb") as handle:
            handle.seek(offset)
            data = handle.read(size)
    except OSError as error:
        raise BrokenImageError(error.strerror or str(error)) from error
    if len(data) < size:
        raise BrokenImageError(f"{path.name} is cut short")
    return data


def tar_members(path: Path) -> list[tuple[str, int, int]]:
    """List the images of a tar archive as (name, offset, size in bytes).

    Raises:
        InputError: it is compressed, damaged or no tar archive.
    """
    if path.name.endswith(_COMPRESSED_TARS):
        raise InputError(
            f"{path} is compressed, so its images cannot be read in any order; decompress it to "
            "a .tar (JPEGs do not get smaller by it anyway)"
        )
    try:
        with tarfile.open(path, "r:") as archive:
            return [
                (member.name, member.offset_data, member.size)
                for member in archive
                if member.isfile() and is_image_name(member.name)
            ]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"{path} is no readable tar archive: {error}") from error


def is_image_name(name: str) -> bool:
    """Whether a file of this name is taken for an image; hidden files are not."""
    path = Path(name)
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    return path.suffix.lower() in IMAGE_SUFFIXES and not hidden


def list_folder(root: Path) -> dict[str, list[str]]:
    """List the images, videos and tar shards under a folder, by relative name, in natural order.

    Links to folders are followed, each real folder once.
    """
    found: dict[str, list[str]] = {"image": [], "video": [], "tar": []}
    visited = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = sorted(s for s in subfolders if not s.startswith("."))
        for file in files:
            name = os.path.relpath(Path(folder) / file, root)
            suffix = Path(file).suffix.lower()
            if is_image_name(file):
                found["image"].append(name)
            elif suffix in VIDEO_SUFFIXES and not file.startswith("."):
                found["video"].append(name)
            elif suffix == ".tar":
                found["tar"].append(name)
    return {kind: sorted(names, key=natural_key) for kind, names in found.items()}


def expand_braces(pattern: str) -> list[str]:
    """Expand `{000..127}` and `{a,b}` in a pattern, as a shell does."""
    pieces = re.split(r"\{([^{}]*)\}", pattern)
    choices = [[piece] if i % 2 == 0 else _alternatives(piece) for i, piece in enumerate(pieces)]
    return ["".join(parts) for parts in product(*choices)]


def _alternatives(inner: str) -> list[str]:
    span = re.fullmatch(r"(\d+)\.\.(\d+)", inner)
    if span is None:
        return inner.split(",")
    first, last = int(span[1]), int(span[2])
    step = 1 if last >= first else -1
    return [str(n).zfill(len(span[1])) for n in range(first, last + step, step)]
