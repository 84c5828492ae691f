"""Frames of a source from a later one back to the first, a few in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator

from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frames import Frame
from vos.video.reader import Source, open_frames

CHUNK = 32
"""Frames that are held; those of a video before them are decoded and dropped each time."""


def frames_backward(
    source: Source, frames: FrameRange, last: int, reading: ReadingOptions | None = None
) -> Iterator[Frame]:
    """Give the frames taken of a source up to the one of index `last`, that one first.

    Raises:
        InputError: as `open_frames`, and while reading.
    """
    end = last + 1
    while end > frames.start:
        count = -(-(end - frames.start) // frames.stride)  # frames taken before `end`
        begin = frames.start + max(0, count - CHUNK) * frames.stride
        with open_frames(
            source,
            start=begin,
            end=end,
            stride=frames.stride,
            max_size=frames.max_size,
            reading=reading,
        ) as reader:
            chunk = list(reader)
        yield from reversed(chunk)
        end = begin
