"""The files that the page may name: those under the roots of the command line, by opaque ids.

An id is a keyed hash of a path that this server itself listed, so no id leads elsewhere. Links are
resolved first, and what they lead to must lie under a root as well.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from vos.app.server.answers import RequestError, UnknownIdError
from vos.errors import InputError
from vos.files import FRAME_SUFFIXES, natural_key
from vos.video.images import list_images

EntryKind = Literal["folder", "video", "pictures", "run", "project"]
PROJECT_RECORD, RUN_RECORD = "project.json", "run.json"
_VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts",
    ".wmv", ".flv", ".ogv", ".3gp", ".mxf", ".y4m", ".vob", ".gif", ".apng", ".zip", ".tif",
    ".tiff", ".webp", ".avif", ".h264", ".h265", ".hevc", ".ivf",
})  # fmt: skip
_LISTED = 5000
"""Entries of a folder that are listed at most."""
_TEXT_PROBE = 512


@dataclass(frozen=True)
class Entry:
    """Something under a root that the page may open or look into."""

    id: str
    name: str
    kind: EntryKind


class Roots:
    """Folders and files that requests may reach."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._key = secrets.token_bytes(32)
        self._paths: dict[str, Path] = {}
        self._roots: list[Path] = []
        self._listed: list[Path] = []
        self._lock = Lock()
        for path in paths:
            self.add(path)

    def add(self, path: Path, *, listed: bool = True) -> None:
        """Add a root; one that is not listed holds what the page opens in other ways.

        Raises:
            InputError: there is no such file or folder.
        """
        if not path.exists():
            raise InputError(f"{path}: no such folder; --root takes folders and files that exist")
        real = path.resolve()
        with self._lock:
            if real not in self._roots:
                self._roots.append(real)
            if listed and real not in self._listed:
                self._listed.append(real)

    def listing(self) -> list[tuple[str, str]]:
        """Return id and name of the roots that are folders."""
        folders = [root for root in self._listed if root.is_dir()]
        return [(self._id_of(root), root.name or str(root)) for root in folders]

    def path_of(self, entry: str) -> Path:
        """Return the path of an id, with links resolved again.

        Raises:
            UnknownIdError: this server gave no such id, or what it named is gone.
            RequestError: it has become a link that leads out of the roots.
        """
        with self._lock:
            path = self._paths.get(entry)
        if path is None or not path.exists():
            raise UnknownIdError("there is no such file any more; list the folder again")
        return self.resolved(path)

    def resolved(self, path: str | Path) -> Path:
        """Return an existing path with all links resolved.

        Raises:
            RequestError: it does not lie under a root, or there is no such file.
        """
        try:
            real = Path(path).expanduser().resolve()
        except (OSError, ValueError, RuntimeError):  # a null byte, a loop of links, no such user
            raise RequestError(f"{str(path)!r} is no path that can be used") from None
        if not self.holds(real):
            raise RequestError(
                f"{path} lies outside of the folders that this page may read: "
                f"{', '.join(map(str, self._roots))}; start vos app with --root FOLDER to add one"
            )
        if not real.exists():
            raise RequestError(f"{path}: there is no such file or folder")
        return real

    def holds(self, real: Path) -> bool:
        """Say whether a resolved path lies under a root."""
        return any(real == root or root in real.parents for root in self._roots)

    def entries(self, folder: Path) -> list[Entry]:
        """List what can be opened or looked into in a folder under the roots, in natural order."""
        if not folder.is_dir():
            raise RequestError("this is a file, not a folder")
        entries = []
        for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name))[:_LISTED]:
            kind = self._kind_if_reachable(path)
            if kind is not None:
                entries.append(Entry(self._id_of(path), path.name, kind))
        return entries

    def require_inside(self, source: Path) -> None:
        """Refuse a source that leads out of the roots, or that names files by itself.

        Raises:
            RequestError: a picture of a folder is a link that leads out of the roots; a text
                file, as playlists are, which would have other files or addresses opened.
        """
        if source.is_dir():
            links = [path for path in list_images(source) if path.is_symlink()]
            for path in links:
                if not self.holds(path.resolve()):
                    raise RequestError(f"{path} is a link that leads out of the page's folders")
            return
        with source.open("rb") as file:
            start = file.read(_TEXT_PROBE)
        if start and all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in start):
            raise RequestError(f"{source.name} is a text file; expected a video or pictures")

    def _kind_if_reachable(self, path: Path) -> EntryKind | None:
        if path.name.startswith("."):
            return None
        try:
            return _kind(path) if self.holds(path.resolve()) else None
        except OSError:  # it may not be read, or is gone
            return None

    def _id_of(self, path: Path) -> str:
        data = str(path).encode("utf-8", "surrogateescape")
        entry = hashlib.blake2b(data, key=self._key, digest_size=16).hexdigest()
        with self._lock:
            self._paths[entry] = path
        return entry


def _kind(path: Path) -> EntryKind | None:
    if path.is_file():
        return "video" if path.suffix.lower() in _VIDEO_SUFFIXES else None
    if not path.is_dir():
        return None
    if (path / PROJECT_RECORD).is_file():
        return "project"
    if (path / RUN_RECORD).is_file():
        return "run"
    some = (child for child, _ in zip(path.iterdir(), range(_LISTED), strict=False))
    is_pictures = any(child.suffix.lower() in FRAME_SUFFIXES for child in some)
    return "pictures" if is_pictures else "folder"
