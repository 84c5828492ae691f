"""A project of the page as the source of an export: its masks as they are at one moment.

Shape letters: H W pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vos.app.exports.source import Color
from vos.app.project.saved_state import read_saved
from vos.errors import InputError
from vos.files import FRAME_SUFFIXES
from vos.propagation.confidence import ObjectConfidence
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frame_store.store import FrameStore
from vos.video.frames import Frame

_PAUSE = 0.1
"""Seconds between looks at whether all frames are counted."""


class NumberedFrames(Protocol):
    """What is asked of the frames of a project."""

    kind: Any
    size: tuple[int, int]
    fps: Fraction | None

    @property
    def count(self) -> int | None:
        """How many there are, None until it is known."""
        ...

    @property
    def count_is_exact(self) -> bool:
        """Whether the count is final."""
        ...

    @property
    def is_indexed(self) -> bool:
        """Whether the count gets no better by waiting."""
        ...

    def frame(self, index: int) -> Frame:
        """Return a frame."""
        ...

    def frame_name(self, index: int) -> str:
        """Return the name that its mask has."""
        ...


@dataclass(frozen=True)
class ProjectMasks:
    """Frames and masks (H, W) of one state of a project; later changes do not show in it."""

    name: str
    count: int
    state: Mapping[str, Any]
    mask: Callable[[str], NDArray[np.uint8]]
    """Gives a mask (H, W) by its digest."""
    source: NumberedFrames
    video: str
    """The source of the frames, as text."""
    objects: Mapping[int, tuple[str, Color]]
    """Name and colour of each object."""

    @classmethod
    def of(
        cls,
        state: Mapping[str, Any],
        mask: Callable[[str], NDArray[np.uint8]],
        source: NumberedFrames,
        *,
        video: str,
        name: str,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> ProjectMasks:
        """Take a state; waits until the frames are counted, as far as they can be.

        Raises:
            InputError: it was stopped, or no frame has a mask.
        """
        masked = [int(key.partition("/")[2]) for key in state if key.startswith("frames/")]
        if not masked:
            raise InputError("there are no masks to export yet")
        while not (source.count_is_exact or source.is_indexed):
            if should_stop():
                raise InputError("stopped before the frames were counted")
            time.sleep(_PAUSE)
        count = source.count if source.count_is_exact else None
        objects = {
            int(key.removeprefix("objects/")): (value["name"], tuple(value["color"]))
            for key, value in state.items()
            if key.startswith("objects/")
        }
        return cls(name, count or max(masked) + 1, state, mask, source, video, objects)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.source.size

    @property
    def fps(self) -> Fraction | None:
        """Frames per second, None of pictures."""
        return self.source.fps

    @property
    def picture_suffix(self) -> str:
        """Ending of the source's picture files; .png where frames are no files of their own."""
        path = Path(self.video)
        if self.source.kind == "image":
            return path.suffix
        suffixes = {file.suffix for file in path.iterdir()} if path.is_dir() else set()
        pictures = suffixes & FRAME_SUFFIXES
        return pictures.pop() if len(pictures) == 1 else ".png"

    def confidence(self, number: int) -> dict[int, ObjectConfidence]:
        """Return how sure a frame's masks are, by object id."""
        value = self.state.get(f"frames/{number}", {})
        areas = value.get("areas", {})
        return {
            int(object_id): ObjectConfidence(sure, not areas.get(object_id))
            for object_id, sure in value.get("confidence", {}).items()
        }

    def frame(self, number: int) -> Frame:
        """Return a frame."""
        return self.source.frame(number)

    def frame_name(self, number: int) -> str:
        """Return a frame's name, as masks carry it."""
        return self.source.frame_name(number)

    def ids(self, number: int) -> NDArray[np.uint8] | None:
        """Return a frame's mask (H, W), None where there is none."""
        value = self.state.get(f"frames/{number}")
        return None if value is None else self.mask(value["mask"])


@contextmanager
def project_masks(
    folder: Path,
    *,
    video: str | None = None,
    reading: ReadingOptions | None = None,
    objects: Mapping[int, tuple[str, Color]] | None = None,
) -> Iterator[tuple[ProjectMasks, FrameRange]]:
    """Give the masks of a project's folder, and how its frames are read; nothing is written to it.

    The project may be open in the page meanwhile; what it has at this moment counts.

    Args:
        folder: of the project.
        video: where the frames are now; by default where the project says.
        reading: how the frames are read.
        objects: names of objects by id, with colours for those that the project does not have.

    Raises:
        InputError: it is no project or damaged, has no masks, or its frames cannot be read or are
            of another size.
    """
    saved = read_saved(folder)
    header = saved.header
    place = video or str(folder / header.source.path)
    try:
        frames = FrameStore(place, max_size=header.max_size, reading=reading)
    except InputError as error:
        raise InputError(
            f"the frames of the project in {folder} are needed, but cannot be read ({error}); say "
            "where they are now (--video)"
        ) from None
    with frames:
        if frames.size != header.source.size:
            (height, width), (now_height, now_width) = header.source.size, frames.size
            raise InputError(
                f"the masks of the project in {folder} are {width}x{height} pixels, the frames of "
                f"{place} {now_width}x{now_height} (width x height); give their own (--video)"
            )
        state = {**saved.state}
        for number, (name, color) in (objects or {}).items():
            known = state.get(f"objects/{number}", {"color": list(color)})
            state[f"objects/{number}"] = {**known, "name": name}
        name = Path(header.source.name).stem or folder.name
        masks = ProjectMasks.of(state, saved.mask, frames, video=place, name=name)
        yield masks, FrameRange(max_size=header.max_size)
