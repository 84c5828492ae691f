"""The masks of a project as they are at one moment, for an export to read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vos.app.server.answers import ConflictError
from vos.app.server.sources.source import OpenSource
from vos.errors import InputError
from vos.files import FRAME_SUFFIXES
from vos.video.frames import Frame

if TYPE_CHECKING:
    from vos.propagation.confidence import ObjectConfidence

_PAUSE = 0.1
"""Seconds between looks at whether all frames are counted."""


@dataclass(frozen=True)
class ProjectMasks:
    """Frames and masks (H, W) of one state of a project; later changes do not show in it."""

    name: str
    count: int
    size: tuple[int, int]
    """(H, W)."""
    fps: Fraction | None
    objects: dict[int, tuple[str, tuple[int, int, int]]]
    """Name and colour of each object."""
    state: dict[str, Any]
    opened: OpenSource

    @classmethod
    def of(cls, opened: OpenSource, name: str, should_stop: Callable[[], bool]) -> ProjectMasks:
        """Take the present state; waits until the frames are counted.

        Raises:
            InputError: it was stopped, or the source has no masks.
        """
        frames = opened.frames
        while frames.count is None or not frames.count_is_exact:
            if should_stop():
                raise InputError("stopped before the frames were counted")
            time.sleep(_PAUSE)
        state = opened.project.snapshot()
        if not any(key.startswith("frames/") for key in state):
            raise ConflictError("there are no masks to export yet")
        objects = {
            int(key.removeprefix("objects/")): (value["name"], tuple(value["color"]))
            for key, value in state.items()
            if key.startswith("objects/")
        }
        return cls(name, frames.count, frames.size, frames.fps, objects, state, opened)

    @property
    def picture_suffix(self) -> str:
        """Ending of the source's picture files; .png where frames are no files of their own."""
        path = Path(self.opened.video)
        if self.opened.frames.kind == "image":
            return path.suffix
        suffixes = {file.suffix for file in path.iterdir()} if path.is_dir() else set()
        pictures = suffixes & FRAME_SUFFIXES
        return pictures.pop() if len(pictures) == 1 else ".png"

    def confidence(self, index: int) -> dict[int, ObjectConfidence]:
        """Return how sure a frame's masks are, by object id."""
        from vos.propagation.confidence import ObjectConfidence  # which loads PyTorch

        value = self.state.get(f"frames/{index}", {})
        areas = value.get("areas", {})
        return {
            int(object_id): ObjectConfidence(sure, not areas.get(object_id))
            for object_id, sure in value.get("confidence", {}).items()
        }

    def frame(self, index: int) -> Frame:
        """Return a frame."""
        return self.opened.frames.frame(index)

    def frame_name(self, index: int) -> str:
        """Return a frame's name, as masks carry it."""
        return self.opened.frames.frame_name(index)

    def ids(self, index: int) -> NDArray[np.uint8] | None:
        """Return a frame's mask (H, W), None where there is none."""
        value = self.state.get(f"frames/{index}")
        return None if value is None else self.opened.project.mask(value["mask"])
