"""What a project's state says of its frames, kept up to date with every change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from vos.app.engine.propagating.chains import digest_of, key_while_locked
from vos.app.project.project import Delta, Project


class FrameIndex:
    """Digests, keys and prompts of all frames, without the rest; for any thread.

    Args:
        project: what is followed.

    Attributes:
        checked: frames that stay as they are.
        locked: ids of objects that stay as they are.
    """

    def __init__(self, project: Project) -> None:
        self.checked: set[int] = set()
        self.locked: set[int] = set()
        self._project = project
        self._versions: dict[int, tuple[str, str | None]] = {}
        self._provisional: set[int] = set()
        self._imported: set[int] = set()
        self._prompts: dict[int, dict[int, str]] = {}
        self._areas: dict[str, bool] = {}  # digest of a mask -> whether it holds a pixel
        self._call: Callable[[int], None] = lambda _: None
        self._lock = threading.RLock()
        with project.lock:
            for kind in ("frames/", "checked/", "prompts/", "objects/"):
                self._take(project.items(kind))
            project.subscribe(self._follow)

    def on_provisional(self, call: Callable[[int], None]) -> None:
        """Have a function called with each frame whose mask becomes a provisional one.

        It is called while the project is locked, and at once for those that there are.
        """
        self._call = call
        for frame in self.provisional():
            call(frame)

    def version(self, frame: int) -> tuple[str, str | None] | None:
        """Return the digest of a frame's mask and its key, None if there is no mask."""
        return self._versions.get(frame)

    def versions(self) -> dict[int, tuple[str, str | None]]:
        """Return the versions of all frames."""
        with self._lock:
            return dict(self._versions)

    def key(self, frame: int) -> str | None:
        """Return what a frame's mask was made with, None if that is not known.

        It is None too where an object was kept that is not locked any more.
        """
        version = self._versions.get(frame)
        return None if version is None else key_while_locked(version[1], self.locked)

    def is_provisional(self, frame: int) -> bool:
        """Whether a frame's mask is provisional."""
        return frame in self._provisional

    def provisional(self) -> list[int]:
        """Return the frames with provisional masks, rising."""
        with self._lock:
            return sorted(self._provisional)

    def imported(self) -> set[int]:
        """Return the frames whose masks a run of `vos segment` made; their labels are not here."""
        with self._lock:
            return set(self._imported)

    def last_frame(self) -> int:
        """Return the largest number of a frame with a mask, -1 if there is none."""
        with self._lock:
            return max(self._versions, default=-1)

    def prompted(self) -> dict[int, str]:
        """Return a digest of the prompts of each frame, of those that hold a pixel.

        Raises:
            InputError: a mask is damaged.
        """
        with self._lock:
            prompts = {frame: dict(masks) for frame, masks in self._prompts.items()}
        held = {
            frame: [[n, masks[n]] for n in sorted(masks) if self._holds_a_pixel(masks[n])]
            for frame, masks in prompts.items()
        }
        return {frame: digest_of(masks) for frame, masks in sorted(held.items()) if masks}

    def _holds_a_pixel(self, digest: str) -> bool:
        if digest not in self._areas:
            self._areas[digest] = bool(self._project.mask(digest).any())
        return self._areas[digest]

    def _follow(self, delta: Delta) -> None:
        with self._lock:
            self._take(delta.changed)
            new = [
                frame for key in delta.changed
                if key.startswith("frames/") and (frame := int(key[7:])) in self._provisional
            ]  # fmt: skip
        for frame in new:
            self._call(frame)

    def _take(self, changed: Mapping[str, Any]) -> None:
        for key, value in changed.items():
            kind, _, rest = key.partition("/")
            if kind == "frames":
                self._take_frame(int(rest), value)
            elif kind == "checked":
                (self.checked.add if value else self.checked.discard)(int(rest))
            elif kind == "objects":
                is_locked = value is not None and value["locked"]
                (self.locked.add if is_locked else self.locked.discard)(int(rest))
            elif kind == "prompts":
                frame, _, number = rest.partition("/")
                masks = self._prompts.setdefault(int(frame), {})
                masks.pop(int(number), None)
                if value is not None:
                    masks[int(number)] = value["mask"]
                elif not masks:
                    del self._prompts[int(frame)]

    def _take_frame(self, frame: int, value: Mapping[str, Any] | None) -> None:
        self._versions.pop(frame, None)
        self._provisional.discard(frame)
        self._imported.discard(frame)
        if value is not None:
            if value["origin"] == "import":
                self._imported.add(frame)
            self._versions[frame] = (value["mask"], value.get("key"))
            if value.get("provisional"):
                self._provisional.add(frame)
