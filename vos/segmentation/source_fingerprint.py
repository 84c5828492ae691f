"""What tells that a source is still the one a run was made of, though files changed in place.

A fingerprint is of sizes and contents; times of change say nothing, as copies have others.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WHOLE_BYTES = 128 << 20
"""Up to this size, all pictures together or the video, contents are hashed whole."""


_VIDEO_PIECES = (64, 64 << 10)  # number, bytes of each
_PICTURE_PIECES = (3, 16 << 10)


@dataclass(frozen=True)
class SourceFingerprint:
    """A video file's size and content, or those of the pictures taken, in their order.

    Of what is larger than `WHOLE_BYTES`, start, end and evenly spaced pieces stand for the rest.
    """

    size: int
    """Bytes of a video, number of pictures."""
    unit: str
    """`bytes` of a video, `frames` of pictures."""
    hashes: tuple[str, ...]
    """Of a video, one SHA-256. Of pictures, one for each number of them from the start, 0 too."""

    def as_json(self, frames: int | None = None) -> dict[str, Any]:
        """Return what `run.json` says; of pictures, `frames` limits it to the first ones."""
        if self.unit == "bytes":
            return {"bytes": self.size, "sha256": self.hashes[0]}
        covered = self.size if frames is None else min(frames, self.size)
        return {"frames": self.size, "hashed_frames": covered, "sha256": self.hashes[covered]}

    def change_since(self, before: Mapping[str, Any]) -> str | None:
        """Say in words how the source differs from the one recorded; None if it does not."""
        if self.unit not in before:
            return (
                "it is a video file now, pictures before"
                if self.unit == "bytes"
                else ("it is pictures now, a video file before")
            )
        if self.unit == "bytes":
            same = self.as_json() == dict(before)
            return None if same else "the video file is another one now"
        if self.size != before["frames"]:
            return f"the source gives {self.size} frames now, {before['frames']} before"
        covered = before.get("hashed_frames", self.size)
        if self.as_json(covered).get("sha256") != before.get("sha256"):
            return f"of the {covered} frames done before, some are other pictures now"
        return None


def fingerprint_of(files: Sequence[Path], *, video: bool) -> SourceFingerprint | None:
    """Return the fingerprint of the files that frames come from.

    Args:
        files: the video file, or the pictures taken; none of a camera or stream.
        video: whether it is a video file.

    Returns:
        None if there are no files.
    """
    if not files:
        return None
    if video:
        digest = hashlib.sha256()
        size = files[0].stat().st_size
        _add_content(digest, files[0], size, None if size <= WHOLE_BYTES else _VIDEO_PIECES)
        return SourceFingerprint(size, "bytes", (digest.hexdigest(),))
    sizes = [_size(path) for path in files]
    pieces = None if sum(sizes) <= WHOLE_BYTES else _PICTURE_PIECES
    digest = hashlib.sha256()
    hashes = [digest.hexdigest()]
    for path, size in zip(files, sizes, strict=True):
        digest.update(os.fsencode(path.name) + f"\0{size}\0".encode())
        _add_content(digest, path, size, pieces)
        hashes.append(digest.hexdigest())
    return SourceFingerprint(len(files), "frames", tuple(hashes))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # the reader says so, once it comes to it
        return 0


def _add_content(
    digest: hashlib._Hash, path: Path, size: int, pieces: tuple[int, int] | None
) -> None:
    """Hash a file whole, or its start, its end and evenly spaced pieces between them."""
    try:
        with path.open("rb") as handle:
            if pieces is None or size <= pieces[0] * pieces[1]:
                while chunk := handle.read(1 << 20):
                    digest.update(chunk)
                return
            number, length = pieces
            for piece in range(number):
                handle.seek(piece * (size - length) // (number - 1))
                digest.update(handle.read(length))
    except OSError:  # the reader says so, once it comes to it
        digest.update(b"unreadable")
