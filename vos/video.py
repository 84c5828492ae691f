"""Frames in: a video file, a folder or glob of pictures, one picture, a camera, a stream.

Frames stream. A thread decodes a few ahead of their use and no more, so a video is never held
in memory. Files are decoded in `vos.decoding`, pictures in `vos.images`. Letters: H W pixels.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from vos.decoding import Video, open_video
from vos.files import InputError
from vos.images import Kind, list_images, read_image, shrink, source_kind

__all__ = ["Frame", "FrameRange", "FrameReader", "Kind", "open_frames"]

_NAME_DIGITS = 5
_STOP_SECONDS = 5.0  # a network read may hold the thread; it is not waited for longer


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a source."""

    name: str
    """Stem of the picture file, or the index with leading zeros ("00000") for videos."""
    index: int
    """Position in the source before start and stride, from 0."""
    time: float | None
    """Seconds from the source's first frame; None for pictures."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB."""


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

    def of(self, total: int, source: str) -> range:
        """Return the indexes of the frames taken of a source that has `total` frames.

        Raises:
            InputError: there are none.
        """
        if self.start >= total:
            raise InputError(
                f"{source}: has {total} frames, so none from {self.start} on; start earlier"
            )
        return range(self.start, min(self.end or total, total), self.stride)


def _image_frames(paths: list[Path], choice: FrameRange, source: str) -> Iterator[Frame]:
    """Yield the chosen pictures, all of one size."""
    size: tuple[int, ...] | None = None
    for index in choice.of(len(paths), source):
        path = paths[index]
        image = read_image(path)
        size = _same_size(image, size, str(path), source)
        yield Frame(path.stem, index, None, shrink(image, choice.max_size))


def _video_frames(video: Video, choice: FrameRange) -> Iterator[Frame]:
    """Yield the chosen frames of a video; what lies before them is decoded and dropped."""
    size: tuple[int, ...] | None = None
    index = -1
    try:
        for picture in video.pictures(lambda i: choice.takes(i) or choice.is_past(i)):
            if choice.is_past(picture.index):
                return
            index, image = picture.index, picture.image
            size = _same_size(image, size, f"frame {index}", video.name)
            name, image = f"{index:0{_NAME_DIGITS}d}", shrink(image, choice.max_size)
            yield Frame(name, index, picture.time, image)
            if choice.is_past(index + 1):
                return  # a live source must not wait for a frame that is not wanted
    finally:
        video.close()
    if index < 0:
        raise InputError(f"{video.name}: ends before frame {choice.start}; start earlier")


def _same_size(
    image: NDArray[np.uint8], size: tuple[int, ...] | None, what: str, source: str
) -> tuple[int, ...]:
    """Return the picture's size; raise InputError if it differs from the first one's."""
    if size is not None and size != image.shape[:2]:
        raise InputError(
            f"{source}: {what} is {image.shape[1]}x{image.shape[0]} pixels, the frames before it "
            f"{size[1]}x{size[0]} (width x height); all frames of a video must have one size"
        )
    return image.shape[:2]


# A frame, the error that ended them, or None at the end; and the seconds of decoding it.
_Queue = queue.Queue[tuple[Frame | BaseException | None, float]]


def _decode_ahead(frames: Iterator[Frame], ready: _Queue, stop: threading.Event) -> None:
    """Put frames, then None or the error that ended them, until told to stop."""

    def put(item: Frame | BaseException | None, seconds: float = 0.0) -> bool:
        while not stop.is_set():
            try:
                ready.put((item, seconds), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    end: BaseException | None = None
    start = time.perf_counter()
    try:
        for frame in frames:
            if not put(frame, time.perf_counter() - start):
                break
            start = time.perf_counter()
    except BaseException as error:
        end = error
    finally:
        frames.close()  # type: ignore[attr-defined]  # a generator: lets go of the file
    put(end)


class FrameReader:
    """The frames of a source in order, decoded ahead in a thread. Iterate once; close after use.

    Attributes:
        source: what was opened.
        kind: what kind of source it is.
        fps: average frames per second of the source, before the stride; None for pictures.
        count: how many frames will come, None if unknown. Exact for pictures; for video files
            it is what the file says.
        decode_seconds: what decoding the frames given so far took, in its thread.
    """

    def __init__(
        self,
        frames: Iterator[Frame],
        *,
        source: str,
        kind: Kind,
        fps: Fraction | None,
        count: int | None,
        read_ahead: int,
    ) -> None:
        self.source = source
        self.kind = kind
        self.fps = fps
        self.count = count
        self.decode_seconds = 0.0
        self._ready: _Queue = queue.Queue(max(1, read_ahead))
        self._stop = threading.Event()
        self._ended = False
        self._thread = threading.Thread(
            target=_decode_ahead, args=(frames, self._ready, self._stop), daemon=True
        )
        self._thread.start()

    def __iter__(self) -> FrameReader:
        return self

    def __next__(self) -> Frame:
        if self._ended:
            raise StopIteration
        item, seconds = self._ready.get()
        self.decode_seconds += seconds
        if isinstance(item, Frame):
            return item
        self.close()
        raise StopIteration if item is None else item

    def close(self) -> None:
        """Stop decoding and let go of the source; safe to call twice and before the end."""
        self._ended = True
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_STOP_SECONDS)

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if stop := getattr(self, "_stop", None):
            stop.set()


def _camera_device(source: str) -> str:
    """Return the device of `camera:N`."""
    number = source.removeprefix("camera:")
    if source == number:
        return source
    if not number.isdecimal():
        raise InputError(f"{source}: expected camera:N with a number, such as camera:0")
    return f"/dev/video{number}"


def open_frames(
    source: str | Path,
    *,
    start: int = 0,
    end: int | None = None,
    stride: int = 1,
    max_size: int | None = None,
    read_ahead: int = 4,
) -> FrameReader:
    """Open a source of frames.

    Args:
        source: a video file, a folder or glob pattern of pictures, one picture, `camera:0` or
            a device, or a stream address (rtsp://, http://, ...).
        start: index of the first frame wanted.
        end: index after the last frame wanted; None for all.
        stride: every how many frames one is taken.
        max_size: longest side of the frames in pixels; larger ones are brought down to it by
            area averaging, smaller ones are left.
        read_ahead: frames decoded before they are asked for.

    Raises:
        InputError: no such source, no frames in it, or a start past its end. While reading: a
            damaged or cut off file, a frame of another size.
    """
    source = str(source)
    choice = FrameRange(start, end, stride, max_size)
    kind = source_kind(source)
    count: int | None
    if kind in ("folder", "glob", "image"):
        paths = list_images(source)
        count, fps = len(choice.of(len(paths), source)), None
        frames = _image_frames(paths, choice, source)
    else:
        video = open_video(_camera_device(source) if kind == "camera" else source)
        try:
            count = None if video.count is None else len(choice.of(video.count, source))
        except InputError:
            video.close()
            raise
        fps, frames = video.fps, _video_frames(video, choice)
    return FrameReader(
        frames, source=source, kind=kind, fps=fps, count=count, read_ahead=read_ahead
    )
