"""Pictures by number: files in a folder or list, members of a zip file, pages of one file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.pictures.levels import SequenceLevels
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frame_store.forward import ForwardReader, Items
from vos.video.frame_store.pool import DecoderPool
from vos.video.frame_store.source import Keep, NumberedSource
from vos.video.frames import Frame, frame_name, of_size, page_frames
from vos.video.images import read_image, shrink
from vos.video.sources.archives import PictureArchive
from vos.video.sources.file_kind import TIFF_STARTS
from vos.video.sources.pages import PageFile

_READINGS = 2  # of an animation, at different places


class PictureFrames(NumberedSource):
    """Pictures that are read one by one.

    Args:
        name: what the user gave.
        names: of the frames.
        called: what messages call them.
        files: that they are in.
        read: reads one by its number, (H, W, 3) RGB.
        max_size: longest side of the frames.
        reading: what is done about other sizes than the first one's.

    Raises:
        InputError: the first one cannot be read.
    """

    def __init__(
        self,
        name: str,
        names: Sequence[str],
        called: Sequence[str],
        files: Iterable[Path],
        read: Callable[[int], NDArray[np.uint8]],
        *,
        max_size: int | None,
        reading: ReadingOptions | None,
    ) -> None:
        self.name = name
        self.count = len(names)
        self._names = names
        self._called = called
        self._files = tuple(files)
        self._read = read
        self._max_size = max_size
        self._resizes = reading is not None and reading.on_size_change == "resize"
        self._lock = threading.Lock()
        self._shape: tuple[int, ...] = ()
        height, width = self._frame_of(0).image.shape[:2]
        self.size = (height, width)

    def _frame_of(self, number: int) -> Frame:
        with self._lock:
            image = self._read(number)
        self._shape = self._shape or image.shape[:2]
        image = of_size(image, self._shape, self._called[number], self.name, resize=self._resizes)
        return Frame(self._names[number], number, None, shrink(image, self._max_size))

    def read(self, number: int, keep: Keep, kept: Callable[[int], Any | None]) -> Any:
        """Read the picture; see the base class."""
        frame = self._frame_of(number)
        keep(number, frame)
        return frame

    def frame_name(self, number: int) -> str:
        """Return the stem of the picture's file."""
        self.check(number)
        return self._names[number]

    def identity(self) -> str:
        """Return what the frames depend on: the files, and how they are read."""
        return identity_of(self._files, self._max_size, self._resizes)

    def close(self) -> None:
        """Nothing is open between two pictures."""


class ArchiveFrames(PictureFrames):
    """The pictures of a zip file."""

    def __init__(
        self, source: str, *, max_size: int | None, reading: ReadingOptions | None
    ) -> None:
        self._archive = PictureArchive(Path(source))
        levels, names = self._archive.levels(), self._archive.names
        try:
            super().__init__(
                source, names, names, [Path(source)],
                lambda number: self._archive.read(number, levels),
                max_size=max_size, reading=reading,
            )  # fmt: skip
        except InputError:
            self._archive.close()
            raise

    def close(self) -> None:
        """Close the zip file, once a picture that is being read is done."""
        with self._lock:
            self._archive.close()


def file_frames(
    name: str, paths: list[Path], *, max_size: int | None, reading: ReadingOptions | None
) -> PictureFrames:
    """Return the frames of picture files in their order."""
    levels = SequenceLevels.of_files(paths)
    return PictureFrames(
        name,
        [path.stem for path in paths],
        [str(path) for path in paths],
        paths,
        lambda number: read_image(paths[number], levels),
        max_size=max_size,
        reading=reading,
    )


class PageFrames(NumberedSource):
    """The pages of a TIFF, which are read one by one, or an animation's pictures, in order."""

    def __init__(
        self, source: str, *, max_size: int | None, reading: ReadingOptions | None
    ) -> None:
        allow_truncated = reading is not None and reading.allow_truncated
        self.name = source
        self._path = Path(source)
        self._file = PageFile(self._path, allow_truncated=allow_truncated)
        self.count, self.fps = self._file.count, self._file.fps
        self._max_size = max_size
        self._reading = reading
        self._levels = self._file.levels()
        with self._path.open("rb") as file:
            self._is_tiff = file.read(4) in TIFF_STARTS
        self._lock = threading.Lock()
        self._shape: tuple[int, ...] = ()
        self._pool = DecoderPool(lambda: ForwardReader(self._all), _READINGS)
        first = self.read(0, lambda number, frame: None, lambda number: None)
        self.size = (first.image.shape[0], first.image.shape[1])

    def read(self, number: int, keep: Keep, kept: Callable[[int], Any | None]) -> Any:
        """Read the page; see the base class."""
        if self._is_tiff:
            frame = self._page(number)
            keep(number, frame)
            return frame
        with self._pool.take(number, spread=True) as forward:
            held = kept(number) or forward.read(number, keep)
        if held is None:
            raise self.no_frame(number)
        return held

    def _page(self, number: int) -> Frame:
        """Read a page of a TIFF."""
        with self._lock:
            pages = list(self._file.pages(lambda n: n == number, number + 1, self._levels))
        if not pages:
            raise InputError(f"{self.name}: page {number + 1} is damaged")
        image = pages[0][2]
        self._shape = self._shape or image.shape[:2]
        image = of_size(image, self._shape, f"page {number + 1}", self.name, resize=self._resizes)
        return Frame(frame_name(number), number, None, shrink(image, self._max_size))

    @property
    def _resizes(self) -> bool:
        return self._reading is not None and self._reading.on_size_change == "resize"

    def _all(self) -> Items:
        choice = FrameRange(max_size=self._max_size)
        for frame in page_frames(self._file, choice, self.name, self._reading, self._levels):
            yield frame.index, frame

    def frame_name(self, number: int) -> str:
        """Return the number with leading zeros."""
        self.check(number)
        return frame_name(number)

    def identity(self) -> str:
        """Return what the frames depend on: the file, and how it is read."""
        return identity_of([self._path], self._max_size, self._resizes)

    def close(self) -> None:
        """Close the file."""
        self._pool.close()


def identity_of(files: Iterable[Path], max_size: int | None, *how: object) -> str:
    """Return a text that differs where files, or how they are read, may differ."""
    parts = [f"{max_size} {how}"]
    for path in files:
        try:
            state = path.stat()
            parts.append(f"{path.resolve()} {state.st_size} {state.st_mtime_ns}")
        except OSError:
            parts.append(f"{path} missing")
    return "\n".join(parts)
