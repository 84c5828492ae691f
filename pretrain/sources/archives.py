"""Images in folders, zip and tar archives."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from pretrain.sources.contents import SUMMED_BYTES, hash_of_contents, hash_of_files
from pretrain.sources.decode import BrokenImageError
from pretrain.sources.source import (
    VIDEO_SUFFIXES,
    ListedSource,
    NameTable,
    is_hidden,
    is_image_name,
    skipped_suffix,
)
from vos.errors import InputError
from vos.files import natural_key

_COMPRESSED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


class FolderSource(ListedSource):
    """The images of a folder, at any depth."""

    kind = "folder"

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        super().__init__()
        self.root = root
        self.names = NameTable(names)

    def read(self, index: int, random: np.random.Generator) -> bytes:
        """Return the file's bytes."""
        try:
            return (self.root / self.names[index]).read_bytes()
        except OSError as error:
            raise BrokenImageError(error.strerror or str(error)) from error

    def contents(self) -> str:
        """Return a hash of the sizes of all files and the sums of some."""
        return hash_of_files(lambda index: self.root / self.names[index], len(self))


class ZipSource(ListedSource):
    """The images of a zip archive, or of one folder in it."""

    kind = "zip archive"

    def __init__(self, path: Path, prefix: str = "") -> None:
        super().__init__()
        self.path = path
        self._opened: tuple[int, zipfile.ZipFile] | None = None
        try:
            members = self._archive().namelist()
        except (zipfile.BadZipFile, OSError) as error:
            raise InputError(f"{path} is no readable zip archive: {error}") from error
        inside = f"{prefix.strip('/')}/" if prefix else ""
        within = [n for n in members if n.startswith(inside) and not n.endswith("/")]
        names = [n for n in within if is_image_name(n.removeprefix(inside))]
        self.skipped.update(_skipped(set(within).difference(names), inside))
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

    def contents(self) -> str:
        """Return a hash of the sizes and sums of all members, which the archive lists."""
        members = [self._archive().getinfo(self.names[index]) for index in range(len(self))]
        listed = np.array([(m.file_size, m.CRC) for m in members], dtype="<i8")
        return hashlib.sha256(listed.tobytes()).hexdigest()


class TarSource(ListedSource):
    """The images of uncompressed tar archives, WebDataset shards among them."""

    kind = "tar archives"

    def __init__(self, paths: Sequence[Path], prefix: str = "") -> None:
        super().__init__()
        self.paths = list(paths)
        names: list[str] = []
        places: list[tuple[int, int, int]] = []
        for number, path in enumerate(paths):
            for name, offset, size in tar_members(path, prefix, self.skipped):
                names.append(name if len(paths) == 1 else f"{path.name}/{name}")
                places.append((number, offset, size))
        self.names = NameTable(names)
        self._places = np.array(places, dtype=np.int64).reshape(-1, 3)  # (N, 3), where N may be 0

    def read(self, index: int, random: np.random.Generator) -> bytes:
        """Return the member's bytes."""
        number, offset, size = (int(v) for v in self._places[index])
        return read_span(self.paths[number], offset, size)

    def contents(self) -> str:
        """Return a hash of the sizes of all members and the sums of some."""
        return hash_of_contents(self._places[:, 2], self._first_bytes)

    def _first_bytes(self, index: int) -> bytes:
        number, offset, size = (int(v) for v in self._places[index])
        try:
            return read_span(self.paths[number], offset, min(size, SUMMED_BYTES))
        except BrokenImageError:
            return b""


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


def _skipped(names: Iterable[str], inside: str = "") -> list[str]:
    """Return the suffix of each file that one might miss; `inside` starts the names."""
    suffixes = [skipped_suffix(name.removeprefix(inside)) for name in names]
    return [suffix for suffix in suffixes if suffix is not None]


def tar_members(
    path: Path, prefix: str = "", skipped: Counter[str] | None = None
) -> list[tuple[str, int, int]]:
    """List the images of a tar archive as (name, offset, size in bytes).

    Args:
        path: the archive.
        prefix: only what lies in this folder of the archive.
        skipped: counts the files that are no images, by suffix.

    Raises:
        InputError: it is compressed, damaged or no tar archive.
    """
    if path.name.endswith(_COMPRESSED_TARS):
        raise InputError(
            f"{path} is compressed, so its images cannot be read in any order; decompress it to "
            "a .tar (JPEGs do not get smaller by it anyway)"
        )
    inside = f"{prefix.strip('/')}/" if prefix else ""
    images: list[tuple[str, int, int]] = []
    others: list[str] = []
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if not member.isfile() or not member.name.startswith(inside):
                    continue
                if is_image_name(member.name.removeprefix(inside)):
                    images.append((member.name, member.offset_data, member.size))
                else:
                    others.append(member.name)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"{path} is no readable tar archive: {error}") from error
    if skipped is not None:
        skipped.update(_skipped(others, inside))
    return images


def list_folder(root: Path, skipped: Counter[str] | None = None) -> dict[str, list[str]]:
    """List the images, videos and tar shards under a folder, by relative name, in natural order.

    Links to folders are followed, each real folder once. `skipped` counts the other files by
    suffix.
    """
    names_by_kind: dict[str, list[str]] = {"image": [], "video": [], "tar": []}
    visited = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = sorted(s for s in subfolders if not is_hidden(s))
        for file in files:
            name = os.path.relpath(Path(folder) / file, root)
            suffix = Path(file).suffix.lower()
            if is_image_name(file):
                names_by_kind["image"].append(name)
            elif suffix in VIDEO_SUFFIXES and not file.startswith("."):
                names_by_kind["video"].append(name)
            elif suffix == ".tar":
                names_by_kind["tar"].append(name)
            elif skipped is not None:
                skipped.update(_skipped([file]))
    return {kind: sorted(names, key=natural_key) for kind, names in names_by_kind.items()}


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
