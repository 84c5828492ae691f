"""Frames in: a video file, a folder, glob or list of pictures, one picture, a camera, a stream.

Frames stream. A thread decodes a few ahead of their use and no more, so a video is never held
in memory. Files are decoded in `vos.video.decoding`, pictures in `vos.video.images`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.pictures.levels import SequenceLevels
from vos.video.background import ReadAhead
from vos.video.decoding import open_video
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frames import (
    Frame,
    archive_frames,
    array_frames,
    image_frames,
    page_frames,
    video_frames,
)
from vos.video.images import Kind, list_images, source_kind
from vos.video.sources.archives import PictureArchive
from vos.video.sources.arrays import GivenFrames, given_frames
from vos.video.sources.listed import list_name, listed_files
from vos.video.sources.opening import camera_device
from vos.video.sources.pages import PageFile

__all__ = ["Frame", "FrameRange", "FrameReader", "Kind", "Source", "open_frames"]
Source = str | Path | Sequence[str | Path] | Iterable[NDArray[np.uint8] | Frame]
"""A path, pattern or address; the picture files, or the frames, RGB uint8 (H, W, 3), in order."""


class FrameReader:
    """The frames of a source in order, decoded ahead in a thread. Iterate once; close after use.

    Attributes:
        source: what was opened, in words: of a list of files, their folder and number.
        kind: what kind of source it is.
        files: the files that the frames are read from: the pictures taken, or the one file that
            holds them all; none of a camera or stream.
        names: of the frames taken, where they are known before reading; empty where frames are
            named by their index.
        fps: average frames per second of the source, before the stride; None for pictures.
        mean_fps: the rate at which the frames come, where a file's nominal `fps` is far from it.
        count: how many frames will come, None if unknown; of a video file what the file says.
        limit: an index that is surely above those of all frames in the source, None if unknown.
        is_live: whether it is a camera, or a stream without a length.
        latest: whether frames are dropped that are late.
        levels: which level is white in pictures of more than 8 bits; None of other sources.
    """

    def __init__(
        self,
        frames: Iterator[Frame],
        *,
        source: str,
        kind: Kind,
        files: Sequence[Path],
        fps: Fraction | None,
        count: int | None,
        read_ahead: int,
        mean_fps: Fraction | None = None,
        names: Sequence[str] = (),
        limit: int | None = None,
        is_live: bool = False,
        latest: bool = False,
        levels: SequenceLevels | None = None,
    ) -> None:
        self.levels = levels
        self.source = source
        self.kind = kind
        self.files = tuple(files)
        self.names = tuple(names)
        self.fps = fps
        self.mean_fps = mean_fps or fps
        self.count = count
        self.limit = limit
        self.is_live = is_live
        self.latest = latest and is_live
        self._ahead = ReadAhead(frames, read_ahead, latest=self.latest)
        self._next: Frame | None = None

    @property
    def decode_seconds(self) -> float:
        """What decoding the frames given so far took, in its thread."""
        return self._ahead.seconds

    @property
    def is_one_file(self) -> bool:
        """Whether all frames are in one file that is no picture: a video, pages or an archive."""
        return self.kind in {"video", "pages", "archive"}

    def __iter__(self) -> FrameReader:
        return self

    def __next__(self) -> Frame:
        frame, self._next = self._next, None
        return next(self._ahead) if frame is None else frame

    def peek(self) -> Frame | None:
        """Return the next frame and leave it to be taken; None after the last one.

        Raises:
            InputError: it cannot be read.
        """
        if self._next is None:
            self._next = next(self._ahead, None)
        return self._next

    def close(self) -> None:
        """Stop decoding and let go of the source; safe to call twice and before the end."""
        self._ahead.close()

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_frames(
    source: Source,
    *,
    start: int = 0,
    end: int | None = None,
    stride: int = 1,
    max_size: int | None = None,
    read_ahead: int = 4,
    reading: ReadingOptions | None = None,
    levels: SequenceLevels | None = None,
) -> FrameReader:
    """Open a source of frames.

    Args:
        source: a video file, a folder or glob pattern of pictures, a zip file of pictures, one
            picture or several in one file (TIFF, PNG, WebP, GIF), `camera:0` or a device, or a
            stream address (rtsp://, http://, ...); or a list of picture files, which are taken
            in its order; or the frames themselves, RGB uint8 (H, W, 3): a list, an array
            (T, H, W, 3), or a generator, which is run in a thread, or another iterable.
        start: index of the first frame wanted.
        end: index after the last frame wanted; None for all.
        stride: every how many frames one is taken.
        max_size: longest side of the frames in pixels; larger ones are brought down to it by
            area averaging, smaller ones are left.
        read_ahead: frames decoded before they are asked for.
        reading: what is done about sources that are cut short, damaged or live.
        levels: say which level is white above 8 bits; by default those of the whole source.

    Raises:
        InputError: no such source, no frames in it, or a start past its end; a file of a list is
            missing, or two have one name. While reading: a damaged or cut off file (once frames
            were read `IncompleteSourceError`), a frame of another size.
    """
    choice = FrameRange(start, end, stride, max_size)
    reader = _opened(source, choice, read_ahead, reading, levels)
    if reading is not None and reading.latest and not reader.is_live:
        text = f"{reader.source}: no camera or live stream, so no frame is late (--latest)"
        warnings.warn(text, stacklevel=2)
    return reader


def _opened(
    source: Source,
    choice: FrameRange,
    read_ahead: int,
    reading: ReadingOptions | None,
    levels: SequenceLevels | None,
) -> FrameReader:
    """Open a source by its kind."""
    if (given := given_frames(source)) is not None:
        return _array_reader(given, choice, read_ahead, reading)
    if isinstance(source, Sequence) and not isinstance(source, str):
        paths = listed_files(cast("Sequence[str | Path]", source))
        name = list_name(paths)
        return _file_reader(paths, choice, name, "list", read_ahead, reading=reading, levels=levels)
    source = str(source)
    kind = source_kind(source)
    if kind in ("folder", "glob", "image"):
        paths = list_images(source)
        return _file_reader(paths, choice, source, kind, read_ahead, reading=reading, levels=levels)
    if kind == "archive":
        return _archive_reader(source, choice, read_ahead, reading, levels)
    if kind == "pages":
        return _page_reader(source, choice, read_ahead, reading, levels)
    return _video_reader(source, kind, choice, read_ahead, reading)


def _video_reader(
    source: str, kind: Kind, choice: FrameRange, read_ahead: int, reading: ReadingOptions | None
) -> FrameReader:
    video = open_video(camera_device(source) if kind == "camera" else source, reading)
    try:
        count = None if video.count is None else len(choice.indexes(video.count, source))
    except InputError:
        video.close()
        raise
    reader = FrameReader(
        video_frames(video, choice),
        source=source,
        kind=kind,
        files=[Path(source)] if kind == "video" else [],
        fps=video.fps,
        mean_fps=video.mean_fps,
        count=count,
        limit=video.limit,
        is_live=video.is_live,
        latest=reading is not None and reading.latest,
        read_ahead=read_ahead,
    )
    reader._ahead.on_close = video.stopped.set
    return reader


def _file_reader(
    paths: list[Path],
    choice: FrameRange,
    source: str,
    kind: Kind,
    read_ahead: int,
    *,
    reading: ReadingOptions | None,
    levels: SequenceLevels | None,
) -> FrameReader:
    taken = choice.indexes(len(paths), source)
    # Of all pictures, not of those before the end alone: a run that goes on to another end agrees.
    levels = levels or SequenceLevels.of_files(paths)
    return FrameReader(
        image_frames(paths, choice, source, reading, levels),
        source=source,
        kind=kind,
        files=[paths[index] for index in taken],
        names=[paths[index].stem for index in taken],
        fps=None,
        count=len(taken),
        limit=len(paths),
        read_ahead=read_ahead,
        levels=levels,
    )


def _array_reader(
    given: GivenFrames, choice: FrameRange, read_ahead: int, reading: ReadingOptions | None
) -> FrameReader:
    total = given.count
    return FrameReader(
        array_frames(given.frames, choice, given.name, reading),
        source=given.name,
        kind="arrays",
        files=[],
        fps=None,
        count=None if total is None else len(choice.indexes(total, given.name)),
        limit=total,
        read_ahead=read_ahead,
    )


def _archive_reader(
    source: str,
    choice: FrameRange,
    read_ahead: int,
    reading: ReadingOptions | None,
    levels: SequenceLevels | None,
) -> FrameReader:
    archive = PictureArchive(Path(source))
    try:
        taken = choice.indexes(len(archive.names), source)
    except InputError:
        archive.close()
        raise
    levels = levels or archive.levels()
    return FrameReader(
        archive_frames(archive, choice, source, reading, levels),
        source=source,
        kind="archive",
        files=[Path(source)],
        names=[archive.names[index] for index in taken],
        fps=None,
        count=len(taken),
        limit=len(archive.names),
        read_ahead=read_ahead,
        levels=levels,
    )


def _page_reader(
    source: str,
    choice: FrameRange,
    read_ahead: int,
    reading: ReadingOptions | None,
    levels: SequenceLevels | None,
) -> FrameReader:
    file = PageFile(Path(source), allow_truncated=bool(reading and reading.allow_truncated))
    levels = levels or file.levels()
    return FrameReader(
        page_frames(file, choice, source, reading, levels),
        source=source,
        kind="pages",
        files=[Path(source)],
        fps=file.fps,
        count=len(choice.indexes(file.count, source)),
        limit=file.count,
        read_ahead=read_ahead,
        levels=levels,
    )
