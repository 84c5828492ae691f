"""A video with points whose true positions are known.

Shape letters: T frames, N points, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.errors import InputError
from vos.files import FRAME_SUFFIXES, natural_key

Frame = Path | NDArray[np.uint8]
"""A picture file, or a picture RGB (H, W, 3)."""


@dataclass(frozen=True)
class PointVideo:
    """One video and the true positions of its points."""

    name: str
    frames: Sequence[Frame] = field(repr=False)
    """T pictures."""
    size: tuple[int, int]
    """Width and height of the picture that positions are pixels of."""
    positions: NDArray[np.float64] = field(repr=False)
    """(T, N, 2): x and y, 0 being the middle of the first pixel or its edge as the set has it."""
    visible: NDArray[np.bool_] = field(repr=False)
    """(T, N): whether a point's position is known and in sight."""

    @property
    def frame_count(self) -> int:
        """T."""
        return len(self.frames)


Video_co = TypeVar("Video_co", bound=PointVideo, covariant=True)


@dataclass(frozen=True)
class PointDataset(Generic[Video_co]):
    """The videos of one set of a benchmark."""

    name: str
    """The benchmark, such as "JHMDB"."""
    root: Path
    subset: str
    videos: tuple[Video_co, ...]
    point_names: tuple[str, ...] = ()
    """Empty where the points of a video have no names."""
    skeleton: tuple[tuple[int, int], ...] = ()
    """Pairs of points that a picture joins by a line."""

    @property
    def frame_count(self) -> int:
        """Frames in all videos."""
        return sum(video.frame_count for video in self.videos)


def picture_size(path: Path) -> tuple[int, int]:
    """Return (width, height) from a picture's header.

    Raises:
        InputError: it cannot be read as a picture.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: not a readable image ({error})") from error


def frame_files(folder: Path, suffixes: Iterable[str] = FRAME_SUFFIXES) -> list[Path]:
    """List the pictures of a folder in natural order; none where there is no folder."""
    if not folder.is_dir():
        return []
    allowed = set(suffixes)
    files = [p for p in folder.iterdir() if p.suffix.lower() in allowed and p.name[0] != "."]
    return sorted(files, key=lambda path: natural_key(path.name))
