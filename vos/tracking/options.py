"""What a run over points writes beside the tracks."""

from __future__ import annotations

from dataclasses import dataclass

from vos.errors import InputError


@dataclass(frozen=True)
class TrackOutputs:
    """What is written beside the tracks."""

    overlay: bool = True
    """Write overlay.mp4, the video with the points and their tails drawn over it."""
    show_names: bool = False
    """Write each point's name on the overlay."""
    overlay_fps: float | None = None
    """Frames per second of the overlay; the source's own by default, 24 for pictures."""
    tail: int = 12
    """How many earlier positions of a point are drawn behind it."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            InputError: one is out of its range.
        """
        if self.overlay_fps is not None and not 0 < self.overlay_fps < float("inf"):
            raise InputError(f"overlay fps is {self.overlay_fps}; expected frames per second")
        if self.tail < 0:
            raise InputError(f"tail is {self.tail}; expected 0 or more frames")
