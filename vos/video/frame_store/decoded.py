"""Decoded frames of a video, and the frames with pictures that are made of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from vos.video.decoding import Video
from vos.video.frames import Frame, frame_name, of_size
from vos.video.images import shrink


@dataclass(frozen=True)
class Decoded:
    """A frame as it was decoded."""

    picture: Any
    time: float | None

    @property
    def bytes(self) -> int:
        """What it takes of memory."""
        return int(sum(plane.buffer_size for plane in self.picture.planes))


class FrameMaker:
    """Makes frames of decoded ones, for several threads.

    Args:
        video: that they are of; it may be closed.
        max_size: longest side of the frames.
    """

    def __init__(self, video: Video, max_size: int | None) -> None:
        self._video = video
        self._max_size = max_size
        self._convert = video.converter()
        self._lock = threading.Lock()
        self._size: tuple[int, ...] = ()

    def __call__(self, number: int, decoded: Decoded) -> Frame:
        """Make a frame; the first one made says the size of all.

        Raises:
            InputError: it has another size, and is not to be resized.
        """
        with self._lock:
            image = self._convert(decoded.picture)
            aspect = self._video.pixel_aspect(self._convert)
        self._size = self._size or image.shape[:2]
        video = self._video
        resize = video.reading.on_size_change == "resize"
        image = of_size(image, self._size, f"frame {number}", video.name, resize=resize)
        return Frame(
            frame_name(number), number, decoded.time, shrink(image, self._max_size), aspect
        )
