"""A source opened a second time, to read its frames from a later one back to the first.

Pictures in files of their own are read one by one, a video file as `vos.video.backward.video` says,
and what else can be read twice forward in windows, the last one first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from vos.errors import InputError
from vos.video.backward.video import BackwardVideo
from vos.video.decoding import open_video
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frames import Frame, of_size
from vos.video.images import read_image, shrink
from vos.video.reader import FrameReader, open_frames

WINDOW_BYTES = 256 << 20
"""Of frames that wait for their turn; a window has at least one frame."""


_LIVE = frozenset({"camera", "stream"})
_FILES = frozenset({"folder", "glob", "image", "list"})


def open_backward(
    reader: FrameReader,
    choice: FrameRange,
    last: int,
    reading: ReadingOptions | None = None,
    *,
    read_ahead: int = 4,
) -> FrameReader:
    """Open a source again, to read its frames in falling order.

    Args:
        reader: the source as `open_frames` opened it; it gives the frames that it would have given.
        choice: which frames it was opened for.
        last: index of the frame to begin with, one of those.
        reading: as it was opened.
        read_ahead: frames made ready before they are asked for.

    Returns:
        A reader of the frames from `last` down to the first one of `choice`.

    Raises:
        InputError: a camera or stream, or given frames. While reading: what forward reading raises
            up to `last`, of a video before the first frame is given; or there is no frame `last`.
    """
    if reader.kind in _LIVE:
        raise InputError(
            f"{reader.source}: a camera or stream cannot be read backward; record it to a file "
            "first, or go forward only"
        )
    if reader.kind == "arrays":
        raise InputError(f"{reader.source}: given frames are read forward only")
    indexes = range(choice.start, last + 1, choice.stride)
    if reader.kind == "video":
        video = open_video(reader.source, reading)
        frames = BackwardVideo(video, choice, last, WINDOW_BYTES).frames()
    elif reader.kind in _FILES:
        frames = _pictures(reader, choice, indexes, reading)
    else:
        frames = _windows(reader, choice, indexes, reading)
    return FrameReader(
        frames,
        source=reader.source,
        kind=reader.kind,
        files=reader.files,
        fps=reader.fps,
        mean_fps=reader.mean_fps,
        count=len(indexes),
        read_ahead=read_ahead,
    )


def _pictures(
    reader: FrameReader, choice: FrameRange, indexes: range, reading: ReadingOptions | None
) -> Iterator[Frame]:
    """Yield the pictures of these indexes, which are files, the last one first."""
    resize = reading is not None and reading.on_size_change == "resize"
    size: tuple[int, ...] = ()
    for position in reversed(range(len(indexes))):
        path: Path = reader.files[position]
        image = read_image(path, reader.levels)
        size = size or (image if position == 0 else read_image(reader.files[0])).shape[:2]
        image = of_size(image, size, str(path), reader.source, resize=resize)
        yield Frame(path.stem, indexes[position], None, shrink(image, choice.max_size))


def _windows(
    reader: FrameReader, choice: FrameRange, indexes: range, reading: ReadingOptions | None
) -> Iterator[Frame]:
    """Yield the frames of these indexes, the last one first, by reading forward in windows."""
    resize = reading is not None and reading.on_size_change == "resize"
    reading = None if reading is None else replace(reading, latest=False)  # a file is never late
    shape: tuple[int, ...] = ()
    size = 1  # of the first window, which tells how many frames may wait
    end = len(indexes)
    while end:
        low, high = indexes[max(0, end - size)], indexes[end - 1]
        begin = choice.start if resize or not shape else low  # sizes follow the first frame's
        with open_frames(
            reader.source,
            start=begin,
            end=high + 1,
            stride=choice.stride,
            max_size=choice.max_size,
            reading=reading,
            levels=reader.levels,
        ) as forward:
            first = forward.peek()
            window = [frame for frame in forward if frame.index >= low]
        if first is None or not window or window[-1].index != high:
            raise InputError(f"{reader.source}: has no frame {high}")
        shape = shape or first.image.shape[:2]
        size = max(1, WINDOW_BYTES // first.image.nbytes)
        end -= len(window)
        while window:
            frame = window.pop()
            of_size(frame.image, shape, f"frame {frame.index}", reader.source)
            yield frame
