"""What an export reads: frames, masks and objects; and one frame of it as writers take it.

Shape letters: H W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vos.app.exports.outlines import Outline, outlines
from vos.masks.ids import VOID, object_ids
from vos.propagation.confidence import ObjectConfidence
from vos.segmentation.sinks.result import Result
from vos.video.frames import Frame

Color = tuple[int, int, int]


class ExportSource(Protocol):
    """The frames and masks of a project or a run. Frames are asked for in rising order."""

    @property
    def name(self) -> str:
        """What the video is called; exported files are named after it."""
        ...

    @property
    def count(self) -> int:
        """The number of frames; they are numbered from 0."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of frames and masks."""
        ...

    @property
    def fps(self) -> Fraction | None:
        """Frames per second, None of pictures."""
        ...

    @property
    def picture_suffix(self) -> str:
        """Ending of the source's picture files, with the dot; .png where frames are no files."""
        ...

    @property
    def objects(self) -> Mapping[int, tuple[str, Color]]:
        """Name and RGB colour of each object, by its id from 1 to 254."""
        ...

    def frame_name(self, number: int) -> str:
        """Return the name that `vos segment` gives a frame's files."""
        ...

    def frame(self, number: int) -> Frame:
        """Return a frame.

        Raises:
            InputError: it cannot be read.
        """
        ...

    def ids(self, number: int) -> NDArray[np.uint8] | None:
        """Return a frame's mask (H, W) of object ids; None where it has none."""
        ...

    def confidence(self, number: int) -> Mapping[int, ObjectConfidence]:
        """Return how sure the masks of a frame are, by object id; empty where nothing says it."""
        ...


class MarkedFrame:
    """A frame with its mask, and what several formats make of it.

    Args:
        result: the frame and its mask; the frame's picture is empty where no format needs it.
    """

    def __init__(self, result: Result) -> None:
        self.result = result

    @property
    def number(self) -> int:
        """The frame's index in the source."""
        return self.result.frame.index

    @property
    def name(self) -> str:
        """The name of the frame's files."""
        return self.result.frame.name

    @cached_property
    def outlines(self) -> dict[int, list[Outline]]:
        """The pieces of each object that has pixels, the largest first, by rising id."""
        ids = self.result.ids
        return {object_id: outlines(ids == object_id) for object_id in object_ids(ids)}

    @cached_property
    def has_void(self) -> bool:
        """Whether the mask has pixels that are void."""
        return bool((self.result.ids == VOID).any())


class Writer(Protocol):
    """What writes one format, frame by frame in rising order."""

    def write(self, marked: MarkedFrame) -> None:
        """Take a frame with a mask."""
        ...

    def write_unmarked(self, frame: Frame) -> None:
        """Take a frame without a mask."""
        ...

    def finish(self) -> None:
        """Complete the files after the last frame."""
        ...

    def losses(self) -> list[str]:
        """Say in sentences what the format could not hold of these masks."""
        ...
