"""What a source gives: one frame, and the frames of a range in order.

Letters: H W pixels.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.pictures.levels import SequenceLevels
from vos.video.decoding import Video
from vos.video.filters import SQUARE
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.images import read_image, shrink
from vos.video.sources.archives import PictureArchive
from vos.video.sources.arrays import chosen_arrays
from vos.video.sources.file_kind import holds_several_pictures
from vos.video.sources.pages import Page, PageFile

_NAME_DIGITS = 5


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
    pixel_aspect: Fraction = SQUARE
    """A pixel's width to its height, other than 1 in some videos."""


def image_frames(
    paths: list[Path],
    choice: FrameRange,
    source: str,
    reading: ReadingOptions | None = None,
    levels: SequenceLevels | None = None,
) -> Iterator[Frame]:
    """Yield the chosen pictures, all of one size; `levels` as in `read_image`."""
    taken = choice.indexes(len(paths), source)
    pictures = ((index, None, read_image(paths[index], levels)) for index in taken)
    _tell_of_further_pictures(paths[taken[0]])
    yield from _of_one_size(pictures, lambda i: (paths[i].stem, str(paths[i])), choice, source,
                            reading)  # fmt: skip


def _tell_of_further_pictures(path: Path) -> None:
    """Warn where a picture among others holds several, of which the first is the frame."""
    if path.is_file() and holds_several_pictures(path):
        warnings.warn(
            f"{path} holds several pictures, and the first one is the frame; to have a frame of "
            "each, give the file itself as the source",
            stacklevel=2,
        )


def archive_frames(
    archive: PictureArchive,
    choice: FrameRange,
    source: str,
    reading: ReadingOptions | None = None,
    levels: SequenceLevels | None = None,
) -> Iterator[Frame]:
    """Yield the chosen pictures of a zip file, all of one size; `levels` as in `read_image`."""
    names = archive.names
    try:
        taken = choice.indexes(len(names), source)
        pictures = ((index, None, archive.read(index, levels)) for index in taken)
        yield from _of_one_size(pictures, lambda i: (names[i], names[i]), choice, source, reading)
    finally:
        archive.close()


def page_frames(
    file: PageFile,
    choice: FrameRange,
    source: str,
    reading: ReadingOptions | None = None,
    levels: SequenceLevels | None = None,
) -> Iterator[Frame]:
    """Yield the chosen pictures of a file of several, all of one size; `levels` as there."""
    pages = file.pages(choice.takes, choice.end, levels)
    yield from _of_one_size(pages, lambda i: (frame_name(i), f"page {i + 1}"), choice, source,
                            reading)  # fmt: skip


def _of_one_size(
    pictures: Iterable[Page],
    name: Callable[[int], tuple[str, str]],
    choice: FrameRange,
    source: str,
    reading: ReadingOptions | None,
) -> Iterator[Frame]:
    """Make frames of pictures.

    Args:
        pictures: index, time and picture of each.
        name: gives a frame's name by its index, and what messages call it.
        choice: says how large they are to be.
        source: what the user gave.
        reading: what is done about another size than the first one's.
    """
    resize = reading is not None and reading.on_size_change == "resize"
    size: tuple[int, ...] = ()
    for index, time, picture in pictures:
        size = size or picture.shape[:2]
        stem, called = name(index)
        image = of_size(picture, size, called, source, resize=resize)
        yield Frame(stem, index, time, shrink(image, choice.max_size))


def array_frames(
    frames: Iterable[object], choice: FrameRange, source: str, reading: ReadingOptions | None = None
) -> Iterator[Frame]:
    """Yield the chosen ones of the caller's frames, all of one size."""
    pictures = chosen_arrays(frames, choice.takes, choice.end)
    last = -1
    for frame in _of_one_size(pictures, lambda i: (frame_name(i), f"frame {i}"), choice, source,
                              reading):  # fmt: skip
        last = frame.index
        yield frame
    if last < 0:
        raise InputError(f"{source}: ends before frame {choice.start}; start earlier")


def video_frames(video: Video, choice: FrameRange) -> Iterator[Frame]:
    """Yield the chosen frames of a video; what lies before them is decoded and dropped."""
    size: tuple[int, ...] = ()
    index = -1
    resize = video.reading.on_size_change == "resize"
    try:
        for picture in video.pictures(lambda i: choice.takes(i) or choice.is_past(i)):
            if choice.is_past(picture.index):
                return
            index, image = picture.index, picture.image
            size = size or image.shape[:2]
            image = of_size(image, size, f"frame {index}", video.name, resize=resize)
            image = shrink(image, choice.max_size)
            yield Frame(frame_name(index), index, picture.time, image, picture.pixel_aspect)
            if choice.is_past(index + 1):
                return  # a live source must not wait for a frame that is not wanted
    finally:
        video.close()
    if index < 0:
        raise InputError(f"{video.name}: ends before frame {choice.start}; start earlier")


def frame_name(index: int) -> str:
    """Return the name of a video's frame."""
    return f"{index:0{_NAME_DIGITS}d}"


def of_size(
    image: NDArray[np.uint8], size: tuple[int, ...], what: str, source: str, *, resize: bool = False
) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3), resized to the first one's size (H, W) where that is wanted.

    Raises:
        InputError: it has another size and is not to be resized.
    """
    if size == image.shape[:2]:
        return image
    if resize:
        target = (size[1], size[0])
        return np.asarray(cv2.resize(image, target, interpolation=cv2.INTER_AREA))
    raise InputError(
        f"{source}: {what} is {image.shape[1]}x{image.shape[0]} pixels, the frames before it "
        f"{size[1]}x{size[0]} (width x height); all frames of a video must have one size. To "
        "bring others to the first one's size, add --on-size-change resize"
    )
