"""Encoded frames on disk, within a bound of bytes."""

from __future__ import annotations

import shutil
import threading
import zlib
from collections import OrderedDict
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from vos.files import atomic_path
from vos.video.background import WriteBehind

_CHECK_BYTES = 4  # a checksum behind the picture, which decoders do not read
_WAITING = 32  # files that wait to be written
_DIGEST_BYTES = 12


class DiskCache:
    """Files of one source below a folder that sources share; the oldest ones go first.

    Files are written in a thread of its own. What the disk refuses is not kept, and a damaged
    file is as good as none.

    Args:
        folder: of all sources' files; it may be deleted at any time.
        identity: of the source: what its frames depend on.
        most_bytes: of all files below the folder.
    """

    def __init__(self, folder: Path, identity: str, most_bytes: int) -> None:
        digest = blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=_DIGEST_BYTES)
        self._folder = folder / digest.hexdigest()
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[Path, int] = OrderedDict()
        found = []
        for path in folder.glob("*/*.jpg"):
            with suppress(OSError):
                state = path.stat()
                found.append((state.st_mtime_ns, path, state.st_size))
        for _, path, size in sorted(found):
            self._sizes[path] = size
        self._bytes = sum(self._sizes.values())
        self._writer = WriteBehind(self._write, _WAITING)
        self._writer.start()

    def get(self, name: str) -> bytes | None:
        """Return what was kept under a name, None if that is nothing or damaged."""
        path = self._folder / f"{name}.jpg"
        try:
            data = path.read_bytes()
        except OSError:
            return None
        content, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        if len(check) < _CHECK_BYTES or zlib.crc32(content).to_bytes(4, "big") != check:
            with suppress(OSError):
                path.unlink()
            return None
        with self._lock:
            if path in self._sizes:
                self._sizes.move_to_end(path)
        return content

    def put(self, name: str, content: bytes) -> None:
        """Keep a picture's bytes under a name."""
        self._writer.put((self._folder / f"{name}.jpg", content))

    def clear(self) -> None:
        """Delete the source's files."""
        with self._lock:
            for path in [path for path in self._sizes if path.parent == self._folder]:
                self._bytes -= self._sizes.pop(path)
            shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Stop writing; what waits is dropped."""
        self._writer.close(drop=True)

    def _write(self, item: tuple[Path, bytes]) -> None:
        path, content = item
        data = content + zlib.crc32(content).to_bytes(_CHECK_BYTES, "big")
        with suppress(OSError), atomic_path(path) as beside:
            beside.write_bytes(data)
        with self._lock:
            self._bytes += len(data) - self._sizes.pop(path, 0)
            self._sizes[path] = len(data)
            while self._bytes > self._most_bytes and self._sizes:
                oldest, size = self._sizes.popitem(last=False)
                self._bytes -= size
                with suppress(OSError):
                    oldest.unlink()
