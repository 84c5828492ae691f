"""Frames of a source by number, each the one that reading the source in order gives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import cv2
import simplejpeg

from vos.errors import InputError
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frame_store.disk import DiskCache
from vos.video.frame_store.memory import MemoryCache
from vos.video.frame_store.pictures import ArchiveFrames, PageFrames, file_frames
from vos.video.frame_store.source import NumberedSource
from vos.video.frame_store.video import VideoFrames
from vos.video.frames import Frame
from vos.video.images import Kind, list_images, source_kind
from vos.video.reader import Source
from vos.video.sources.arrays import given_frames
from vos.video.sources.listed import list_name, listed_files

MEMORY_BYTES = 256 << 20
"""Of frames in memory."""
DISK_BYTES = 1 << 30
"""Of encoded frames on disk."""
_ENCODED_SHARE = 8  # encoded frames may have one part in so many of the memory,
_PASSED_SHARE = 4  # and frames that were passed; FFmpeg keeps their memory for further ones
_BEST_QUALITY = 100


class FrameStore:
    """The frames of a source by number; safe for several threads. Close it after use.

    A frame equals the one that `vos.video.reader.open_frames` gives under the same index. The
    first one is there at once; a thread finds out how many there are.

    Args:
        source: a video file, a folder or pattern of pictures, a zip file of pictures, one picture
            or several in one file, or a list of picture files.
        max_size: longest side of the frames in pixels; larger ones are brought down to it.
        reading: what is done about faults.
        cache: folder for encoded frames, which may be deleted at any time; None for none.
        memory_bytes: of frames that are kept in memory.
        disk_bytes: of encoded frames that are kept in `cache`, of all sources.

    Attributes:
        name: what the user gave, in words.
        kind: what kind of source it is.
        size: (H, W) of the frames.
        fps: frames per second, None of pictures.

    Raises:
        InputError: there is no such source, its first frame cannot be read, or it is a camera,
            a stream or given frames, which cannot be read twice.
    """

    def __init__(
        self,
        source: Source,
        *,
        max_size: int | None = None,
        reading: ReadingOptions | None = None,
        cache: Path | None = None,
        memory_bytes: int = MEMORY_BYTES,
        disk_bytes: int = DISK_BYTES,
    ) -> None:
        FrameRange(max_size=max_size)  # checks it
        self._callbacks: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self._disk: DiskCache | None = None
        self._frames: MemoryCache[Frame] = MemoryCache(memory_bytes)
        self._passed: MemoryCache[Any] = MemoryCache(memory_bytes // _PASSED_SHARE)
        self._encoded: MemoryCache[bytes] = MemoryCache(memory_bytes // _ENCODED_SHARE)
        self.kind: Kind
        self.kind, self._source = self._opened(source, max_size, reading)
        self.name = self._source.name
        self.size = self._source.size
        self.fps: Fraction | None = self._source.fps
        if cache is not None:
            self._disk = DiskCache(cache, self._source.identity(), disk_bytes)
        if isinstance(self._source, VideoFrames):
            self._keep_picture(self._source.first)
            self._source.start()

    def _opened(
        self, source: Source, max_size: int | None, reading: ReadingOptions | None
    ) -> tuple[Kind, NumberedSource]:
        if given_frames(source) is not None:
            raise InputError(
                "frames that are given as arrays cannot be read by number; write them to a video "
                "or a folder of pictures, and give that"
            )
        if isinstance(source, Sequence) and not isinstance(source, str):
            paths = listed_files(cast("Sequence[str | Path]", source))
            name = list_name(paths)
            return "list", file_frames(name, paths, max_size=max_size, reading=reading)
        name = str(source)
        kind = source_kind(name)
        if kind in ("camera", "stream"):
            raise InputError(
                f"{name}: a camera or stream cannot be read by number; record it to a file first"
            )
        if kind in ("folder", "glob", "image"):
            return kind, file_frames(name, list_images(name), max_size=max_size, reading=reading)
        if kind == "archive":
            return kind, ArchiveFrames(name, max_size=max_size, reading=reading)
        if kind == "pages":
            return kind, PageFrames(name, max_size=max_size, reading=reading)
        return kind, VideoFrames(
            name,
            max_size=max_size,
            reading=reading,
            on_change=self._on_change,
            on_distrust=self._forget,
        )

    @property
    def count(self) -> int | None:
        """How many frames there are: the number after that of the last one; None if unknown.

        Of a video it is what its header says, until the index is there.
        """
        return self._source.count

    @property
    def count_is_exact(self) -> bool:
        """Whether `count` is final."""
        return self._source.count_is_exact

    @property
    def is_indexed(self) -> bool:
        """Whether the thread that counts the frames is done."""
        return self._source.is_indexed

    @property
    def leaves_out_damaged(self) -> bool:
        """Whether `frame` raises `LeftOutFrameError` for damaged and missing frames."""
        return self._source.leaves_out

    @property
    def error(self) -> str | None:
        """What is wrong with the source, and from which frame on; None if nothing is known."""
        return self._source.fault or None

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    def on_index(self, callback: Callable[[], object]) -> None:
        """Have a function called, in any thread, when the count changes or a fault is found.

        It is called at once where the index is done already.
        """
        with self._lock:
            self._callbacks.append(callback)
        if self.is_indexed:
            callback()

    def frame_name(self, index: int) -> str:
        """Return the name of a frame, as its mask is named.

        Raises:
            InputError: it is a picture, and there is none of that number.
        """
        return self._source.frame_name(index)

    def frame(self, index: int) -> Frame:
        """Return a frame; its image is kept and must not be written to.

        Raises:
            InputError: there is no such frame, it is damaged or lies behind a damage, it has
                another size than the first one, or the store is closed.
            LeftOutFrameError: it is damaged or missing, and such frames are to be left out.
        """
        self._check(index)
        held = self._kept(index)
        if held is None:
            held = self._source.read(index, self._keep, self._kept)
        if isinstance(held, Frame):
            return held
        frame = self._source.frame(index, held)
        self._keep_picture(frame)
        return frame

    def jpeg(self, index: int, height: int | None = None, quality: int = 90) -> bytes:
        """Return a frame as the bytes of a JPEG file.

        Args:
            index: the frame's number.
            height: of the picture in pixels, in the frame's aspect; larger than the frame it
                stays. By default the frame's own.
            quality: from 1 to 100.

        Raises:
            InputError: as `frame` does; or height or quality is out of its range.
        """
        self._check(index)
        if not 1 <= quality <= _BEST_QUALITY or (height is not None and height < 1):
            raise InputError(
                f"height {height}, quality {quality}: expected a height of 1 or more pixels and a "
                "quality from 1 to 100"
            )
        height = min(height or self.size[0], self.size[0])
        key = f"{index:07d}-{height}-{quality}"
        data = self._encoded.get(key) or (self._disk.get(key) if self._disk else None)
        if data is None:
            data = _encoded(self.frame(index), height, quality)
            if self._disk is not None:
                self._disk.put(key, data)
        self._encoded.put(key, data, len(data))
        return data

    def _check(self, index: int) -> None:
        if self._is_closed:
            raise InputError(f"{self.name}: the frames were closed")
        self._source.check(index)

    def _kept(self, index: int) -> Any | None:
        """Return a frame that is in memory, as it is there."""
        frame = self._frames.get(index)
        return self._passed.get(index) if frame is None else frame

    def _keep(self, number: int, held: Any) -> None:
        if isinstance(held, Frame):
            self._keep_picture(held)
        elif self._frames.get(number) is None:
            self._passed.put(number, held, self._source.size_of(held))

    def _keep_picture(self, frame: Frame) -> None:
        self._frames.put(frame.index, frame, frame.image.nbytes)
        self._passed.drop(frame.index)

    def _on_change(self) -> None:
        with self._lock:
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def _forget(self) -> None:
        """Drop what is kept, since numbers may be wrong."""
        self._frames.clear()
        self._passed.clear()
        self._encoded.clear()
        if self._disk is not None:
            self._disk.clear()

    def close(self) -> None:
        """Stop all threads and let go of the source; safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self._source.close()
        if self._disk is not None:
            self._disk.close()
        self._frames.clear()
        self._passed.clear()
        self._encoded.clear()

    def __enter__(self) -> FrameStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _encoded(frame: Frame, height: int, quality: int) -> bytes:
    """Return a frame as JPEG, `height` pixels high and not higher than it is."""
    image: Any = frame.image
    if height < image.shape[0]:
        width = max(1, round(image.shape[1] * height / image.shape[0]))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return bytes(simplejpeg.encode_jpeg(image, quality, "RGB", "420"))
