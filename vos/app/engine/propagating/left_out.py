"""Which frames of a source are damaged and left out, where that is asked for (`skip_damaged`)."""

from __future__ import annotations

from collections.abc import Callable

from vos.video.frame_store.source import LeftOutFrameError
from vos.video.frame_store.store import FrameStore


class LeftOutFrames:
    """Finds out by reading frames, each once.

    Args:
        frames: the source.
        between: called before a frame is read.
    """

    def __init__(self, frames: FrameStore, between: Callable[[], None]) -> None:
        self._frames = frames
        self._between = between
        self._is_left_out: dict[int, bool] = {}

    def has(self, frame: int) -> bool:
        """Whether a frame is left out.

        Raises:
            InputError: there is no such frame, or it cannot be read for another reason.
            JobCancelledError: the job was asked to stop.
        """
        if not self._frames.leaves_out_damaged:
            return False
        if frame not in self._is_left_out:
            self._between()
            try:
                self._frames.frame(frame)
            except LeftOutFrameError:
                self._is_left_out[frame] = True
            else:
                self._is_left_out[frame] = False
        return self._is_left_out[frame]

    def count(self, first: int, end: int) -> int:
        """Return how many frames from `first` to before `end` are left out; raises as `has`."""
        if not self._frames.leaves_out_damaged:
            return 0
        return sum(self.has(frame) for frame in range(first, end))

    def is_known(self, frame: int) -> bool:
        """Whether a frame is known to be left out already; nothing is read."""
        return self._is_left_out.get(frame, False)
