"""All masks of a project's history, each in a file that is named by its content."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vos.app.project.entries import DIGEST_LENGTH, check_digest
from vos.errors import InputError
from vos.masks.io import read_index_png, write_mask

_CACHE_BYTES = 64 << 20
_LARGEST_FILE = 256 << 20


def digest_of(ids: NDArray[np.uint8]) -> str:
    """Return the digest of a mask (H, W) uint8: of its shape and content."""
    digest = hashlib.blake2b(b"vos mask %d %d\n" % ids.shape, digest_size=DIGEST_LENGTH // 2)
    digest.update(np.ascontiguousarray(ids).data)
    return digest.hexdigest()


class MaskStore:
    """Masks by digest, as indexed PNG in a folder; for several threads.

    The files are made read-only, since hard links elsewhere in the project share their content.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._cached_bytes = 0
        self._whole: set[str] = set()

    def path(self, digest: str) -> Path:
        """Return where a mask is, or would be.

        Raises:
            InputError: it is no digest.
        """
        return self._folder / check_digest(digest)[:2] / f"{digest}.png"

    def put(self, ids: NDArray[np.uint8]) -> str:
        """Keep a mask (H, W) uint8 and return its digest; what is there already stays.

        Raises:
            ValueError: it is no uint8 map with at least one pixel.
            OSError: it cannot be written.
        """
        if ids.dtype != np.uint8 or ids.ndim != 2 or not ids.size:
            raise ValueError(f"expected a mask (H, W) of uint8, got {ids.shape} of {ids.dtype}")
        digest = digest_of(ids)
        if digest not in self._whole and not self._is_whole(digest):
            path = self.path(digest)
            write_mask(path, ids)
            with suppress(OSError):
                path.chmod(0o444)
        kept = np.array(ids)
        kept.setflags(write=False)
        self._keep(digest, kept)
        return digest

    def get(self, digest: str) -> NDArray[np.uint8]:
        """Return a mask (H, W) uint8, which cannot be written to.

        Raises:
            InputError: there is none of that digest, or its file is damaged or of another mask.
        """
        check_digest(digest)
        with self._lock:
            if digest in self._cache:
                self._cache.move_to_end(digest)
                return self._cache[digest]
        ids = self._read(digest)
        ids.setflags(write=False)
        self._keep(digest, ids)
        return ids

    def has(self, digest: str) -> bool:
        """Say whether there is a file of a mask; its content is not looked at."""
        path = self.path(digest)
        return path.is_file() and not path.is_symlink()

    def remove_others(self, used: Collection[str]) -> int:
        """Remove the masks that no step of the history leads to, and return how many they were.

        Masks that were used since the opening stay, as those of `prompts/`, and files that are
        linked elsewhere; so does what is no mask of the store.

        Args:
            used: digests of the masks to be kept.
        """
        removed = 0
        for path in self._folder.glob("??/*.png"):
            digest = path.stem
            is_own = len(digest) == DIGEST_LENGTH and path.parent.name == digest[:2]
            if not is_own or digest in used or digest in self._whole:
                continue
            with suppress(OSError):  # of a folder that is read-only, say: they only take room
                if path.lstat().st_nlink == 1 and not path.is_symlink():
                    path.unlink()
                    removed += 1
        return removed

    def require(self, digests: Iterable[str]) -> None:
        """Refuse digests of masks that are not here.

        Raises:
            InputError: there is one.
        """
        for digest in digests:
            if digest not in self._whole and not self.has(digest):
                raise InputError(f"there is no mask {digest} in {self._folder}")

    def _is_whole(self, digest: str) -> bool:
        try:
            self._read(digest)
        except InputError:
            return False
        return True

    def _read(self, digest: str) -> NDArray[np.uint8]:
        path = self.path(digest)
        if not self.has(digest):
            raise InputError(f"{path}: the mask is missing; undo, or compute the frame again")
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"{path}: too large for a mask")
        ids = read_index_png(path)
        if digest_of(ids) != digest:
            raise InputError(f"{path}: the file was altered, it is not the mask of that name")
        return ids

    def _keep(self, digest: str, ids: NDArray[np.uint8]) -> None:
        with self._lock:
            self._whole.add(digest)
            if digest not in self._cache:
                self._cache[digest] = ids
                self._cached_bytes += ids.nbytes
            self._cache.move_to_end(digest)
            while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
                _, oldest = self._cache.popitem(last=False)
                self._cached_bytes -= oldest.nbytes
