"""Frames that the caller has in memory, or makes one by one, as a source.

Letters: H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError


@dataclass(frozen=True)
class GivenFrames:
    """The frames of a caller."""

    frames: Iterable[object]
    name: str
    """What they are, in words."""
    count: int | None
    """None where it is not known."""


def given_frames(source: object) -> GivenFrames | None:
    """Return the frames that a caller gave.

    Args:
        source: a list, an array (T, H, W, 3), or a generator or another iterable of frames.

    Returns:
        None where the source is a path, or a list of paths.

    Raises:
        InputError: it is an array without frames, a generator of paths, or no source at all.
    """
    if isinstance(source, str | Path):
        return None
    name = f"frames of a {type(source).__name__}"
    if isinstance(source, np.ndarray):
        _refuse_array(source)
        return GivenFrames(source, f"{name} ({len(source)})", len(source))
    if isinstance(source, Sequence):
        is_paths = not len(source) or isinstance(source[0], str | Path)
        count = len(source)
        return None if is_paths else GivenFrames(source, f"{name} ({count})", count)
    if not isinstance(source, Iterable):
        raise InputError(
            f"a source of frames is expected, and {type(source).__name__} was given; give a path, "
            "a list of picture files or of arrays, or a generator of arrays (a camera is "
            "'camera:0')"
        )
    items = iter(source)
    try:
        first = next(items)
    except StopIteration:
        raise InputError(f"the {type(source).__name__} of frames gives none") from None
    if isinstance(first, str | Path):
        raise InputError(
            f"the {type(source).__name__} gives paths, in no sure order; give a list in the order "
            "of the frames, such as sorted(...)"
        )
    return GivenFrames(chain([first], items), name, None)


def _refuse_array(source: NDArray[Any]) -> None:
    """Refuse an array of names, and one that has no frames."""
    if source.size and isinstance(source.flat[0], str | Path):
        raise InputError(
            "an array of names was given as the frames; give a list of picture files: list(array)"
        )
    if not source.ndim or not len(source):
        raise InputError(
            f"the array of frames is an array of {source.dtype}, {source.shape}, and has none; "
            "expected RGB uint8 of shape (frames, height, width, 3)"
        )


def chosen_arrays(
    frames: Iterable[object], takes: Callable[[int], bool], end: int | None
) -> Iterator[tuple[int, None, NDArray[np.uint8]]]:
    """Yield index, no time, and a copy of each frame that is taken.

    Copies, as a caller may fill one buffer again and again while frames are read ahead.

    Raises:
        InputError: a frame is no RGB picture; the message names its type.
    """
    if end == 0:
        return
    for index, frame in enumerate(frames):
        if takes(index):
            yield index, None, _pixels(frame, index).copy()
        if end is not None and index + 1 >= end:
            return


def _pixels(frame: Any, index: int) -> NDArray[np.uint8]:
    image = getattr(frame, "image", frame)  # what `open_frames` gives has it
    kind = type(frame).__name__
    if isinstance(image, np.ndarray):
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
            return image
        kind = f"an array of {image.dtype}, {image.shape}"
    raise InputError(
        f"frame {index} is {kind}; expected an array, RGB uint8 of shape (height, width, 3), or "
        "what open_frames gives"
    )
