"""Labels and states of passes on disk, by the digest of what they depend on.

All of it can be computed again, so that what is missing or damaged counts as not there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from vos.errors import InputError
from vos.files import write_json
from vos.propagation.snapshot import Snapshot, load_snapshot, save_snapshot
from vos.segmentation.passes.pass_labels import FrameLabels, PassFolder

_ABOUT = "about.json"
_STATE = ".safetensors"
_MOST_STATES = 64
"""States kept of a chain; of more, every second one goes."""


class PassStore:
    """A folder of chains, each with the labels of its frames and some states.

    Args:
        folder: it is made where it lacks.
        limit: bytes that chains not in use make room for.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._adaptive: dict[str, bool] = {}

    def has_labels(self, chain: str, frame: int) -> bool:
        """Whether a frame's labels are there."""
        return (self.folder / chain / f"{frame:05d}.npz").is_file()

    def labels(self, chain: str, frame: int) -> FrameLabels | None:
        """Return a frame's labels on the processor, None if they are missing or damaged."""
        if not self.has_labels(chain, frame):
            return None
        try:
            return PassFolder(self.folder / chain).read(frame)
        except InputError:
            return None

    def write_labels(self, chain: str, frame: int, result: FrameLabels, *, adaptive: bool) -> None:
        """Keep a frame's labels.

        Raises:
            OSError: they cannot be written.
        """
        folder = self.folder / chain
        if chain not in self._adaptive:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / _ABOUT, {"adaptive": adaptive})
            self._adaptive[chain] = adaptive
        PassFolder(folder).write(frame, result)

    def is_adaptive(self, chain: str) -> bool | None:
        """Whether a chain's labels are the adaptive engine's, None if that is not known."""
        if chain not in self._adaptive:
            try:
                text = (self.folder / chain / _ABOUT).read_text(encoding="utf-8")
                self._adaptive[chain] = bool(json.loads(text)["adaptive"])
            except (OSError, ValueError, KeyError, TypeError):
                return None
        return self._adaptive[chain]

    def has_state(self, chain: str, frame: int) -> bool:
        """Whether the state after a frame is there."""
        return self._state(chain, frame).is_file()

    def state(self, chain: str, frame: int) -> Snapshot | None:
        """Return the state after a frame, None if it is missing or damaged."""
        try:
            return (
                load_snapshot(self._state(chain, frame)) if self.has_state(chain, frame) else None
            )
        except InputError:
            self._state(chain, frame).unlink(missing_ok=True)
            return None

    def write_state(self, chain: str, frame: int, snapshot: Snapshot) -> None:
        """Keep the state after a frame.

        Raises:
            OSError: it cannot be written.
        """
        save_snapshot(self._state(chain, frame), snapshot)
        states = sorted((self.folder / chain).glob(f"*{_STATE}"))
        if len(states) > _MOST_STATES:
            for path in states[1:-1:2]:
                path.unlink(missing_ok=True)

    def make_room(self, in_use: Collection[str]) -> None:
        """Remove the chains that were written to longest ago, as far as the limit asks for it."""
        if not self.folder.is_dir():
            return
        sizes = {path: _bytes(path) for path in self.folder.iterdir() if path.is_dir()}
        total = sum(sizes.values())
        for path in sorted(sizes, key=_age):
            if total <= self._limit:
                return
            if path.name not in in_use:
                shutil.rmtree(path, ignore_errors=True)
                self._adaptive.pop(path.name, None)
                total -= sizes[path]

    def touch(self, chain: str) -> None:
        """Note that a chain is used."""
        with suppress(OSError):
            os.utime(self.folder / chain)

    def _state(self, chain: str, frame: int) -> Path:
        return self.folder / chain / f"{frame:05d}{_STATE}"


def _bytes(folder: Path) -> int:
    with os.scandir(folder) as files:
        return sum(file.stat().st_size for file in files)


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
