"""The frames of a video with points, read when they are asked for.

Shape letters: H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.datasets.points.point_video import Frame
from vos.video.images import read_image


class VideoFrames(Sequence[NDArray[np.uint8]]):
    """Pictures RGB (H, W, 3) uint8 by number, of the files or arrays that a set gives."""

    def __init__(self, frames: Sequence[Frame], size: tuple[int, int] | None = None) -> None:
        """Take the frames; `size` is a (width, height) to resize them to, by Pillow's Lanczos."""
        self._frames = frames
        self._size = size

    def __len__(self) -> int:
        """Return their number."""
        return len(self._frames)

    @overload
    def __getitem__(self, place: int) -> NDArray[np.uint8]: ...

    @overload
    def __getitem__(self, place: slice) -> VideoFrames: ...

    def __getitem__(self, place: int | slice) -> NDArray[np.uint8] | VideoFrames:
        """Return a picture, or some of them.

        Raises:
            InputError: the file cannot be read as a picture.
        """
        if isinstance(place, slice):
            return VideoFrames(self._frames[place], self._size)
        frame = self._frames[place]
        picture = read_image(frame) if isinstance(frame, Path) else frame
        if self._size is None or picture.shape[1::-1] == self._size:
            return picture
        resized = Image.fromarray(picture).resize(self._size, Image.Resampling.LANCZOS)
        return np.asarray(resized)
