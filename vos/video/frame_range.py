"""Which frames of a source are taken, and what is done about its faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vos.errors import InputError


@dataclass(frozen=True)
class FrameRange:
    """Which frames of the source, and how large."""

    start: int = 0
    """Index of the first frame."""
    end: int | None = None
    """Index after the last frame; by default the source's end."""
    stride: int = 1
    """Take every n-th frame."""
    max_size: int | None = None
    """Shrink frames so that the longer side has at most this many pixels."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            InputError: one is out of its range, or the end not after the start.
        """
        for name, value, least in (("start", self.start, 0), ("stride", self.stride, 1)):
            if value < least:
                raise InputError(f"{name} is {value}; expected {least} or more")
        if self.end is not None and self.end <= self.start:
            raise InputError(f"end {self.end} is not after start {self.start}: no frames between")
        if self.max_size is not None and self.max_size < 1:
            raise InputError(f"max size {self.max_size}: expected the longer side in pixels")

    def takes(self, index: int) -> bool:
        """Whether the frame of that index is among them, as far as the range tells."""
        after = index >= self.start and (index - self.start) % self.stride == 0
        return after and not self.is_past(index)

    def is_past(self, index: int) -> bool:
        """Whether the end lies before the frame of that index."""
        return self.end is not None and index >= self.end

    def indexes(self, total: int, source: str) -> range:
        """Return the indexes of the frames taken of a source that has `total` frames.

        Raises:
            InputError: there are none.
        """
        if self.start >= total:
            raise InputError(
                f"{source}: has {total} frames, so none from {self.start} on; start earlier"
            )
        return range(self.start, min(self.end or total, total), self.stride)

    of = indexes
    """The former name of `indexes`; both work."""


@dataclass(frozen=True)
class ReadingOptions:
    """How sources with faults, and live ones, are read."""

    allow_truncated: bool = False
    """Take a video that is cut short as whole: its readable frames, with a warning."""
    skip_damaged: bool = False
    """Leave out frames that are damaged or missing; the others keep their numbers."""
    on_size_change: Literal["error", "resize"] = "error"
    """A frame of another size than the first: stop there, or resize it to the first one's."""
    latest: bool = False
    """Of a camera or stream, take the newest frame and drop those that came meanwhile."""
    reconnects: int = 5
    """Attempts in a row to connect again where the connection of a camera or stream ends."""

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            InputError: it is below 0.
        """
        if self.reconnects < 0:
            raise InputError(f"reconnects is {self.reconnects}; expected 0 or more")
