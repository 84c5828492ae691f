"""What the store asks of a source of frames, and how kinds of sources are told apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from vos.errors import InputError
from vos.video.frames import Frame

Keep = Callable[[int, Any], None]
"""Takes a frame's number, and the frame as the source holds it."""


class LeftOutFrameError(InputError):
    """A frame is damaged or missing, and left out as it was asked for (`skip_damaged`)."""


class NumberedSource(ABC):
    """Frames by number, for several threads.

    Attributes:
        name: what the user gave.
        size: (H, W) of the frames.
        fps: frames per second, None of pictures.
        count: the number after that of the last frame, None if unknown.
        count_is_exact: whether `count` is final.
        fault: what is wrong with the source, with the first frame's number that cannot be read;
            empty if nothing is known.
        leaves_out: whether damaged frames are left out; others keep their numbers.
    """

    name: str
    size: tuple[int, int]
    fps: Fraction | None = None
    count: int | None = None
    count_is_exact: bool = True
    fault: str = ""
    leaves_out: bool = False

    @property
    def is_indexed(self) -> bool:
        """Whether no thread looks for frames any more."""
        return True

    @abstractmethod
    def read(self, number: int, keep: Keep, kept: Callable[[int], Any | None]) -> Any:
        """Return a frame as the source holds it; hand it and those before it to `keep`.

        Args:
            number: of the frame.
            keep: takes frames that come on the way.
            kept: gives a frame that was kept meanwhile.

        Raises:
            InputError: there is no such frame, or it cannot be read.
        """

    def check(self, number: int) -> None:
        """Refuse a number of which it is known that there is no frame to be read.

        Raises:
            InputError: it is such a number.
        """
        if number < 0 or (self.count_is_exact and self.count is not None and number >= self.count):
            raise self.no_frame(number)

    def no_frame(self, number: int) -> InputError:
        """Return the error for a number that no frame has."""
        known = f"; it has {self.count} frames, from 0 on" if self.count is not None else ""
        return InputError(f"{self.name}: there is no frame {number}{known}")

    def frame(self, number: int, held: Any) -> Frame:
        """Make a frame of what the source holds."""
        frame: Frame = held
        return frame

    def size_of(self, held: Any) -> int:
        """Return the bytes of what the source holds."""
        return int(held.image.nbytes)

    @abstractmethod
    def frame_name(self, number: int) -> str:
        """Return the name of a frame."""

    @abstractmethod
    def identity(self) -> str:
        """Return a text that differs where the frames may differ."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the source and stop its threads."""
