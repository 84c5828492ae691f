"""A sequence of a benchmark: its frames, its annotated masks, and which masks are prompts.

Shape letters: H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.errors import InputError
from vos.files import shortened
from vos.masks.ids import VOID, object_ids
from vos.masks.io import read_index_png

Values = Literal["ids", "merged", "white"]
"""What the values of mask files mean: object ids with 255 for void; ids that are all one object;
or 0 and any other value (255 in DAVIS 2016) for the one object."""


@dataclass(frozen=True)
class VideoSequence:
    """One video of a dataset."""

    name: str
    annotations: Mapping[str, Path] = field(repr=False)
    """Mask files by frame name (the file's name without suffix), in the frames' order."""
    frames: tuple[Path, ...] = field(default=(), repr=False)
    """Image files in the frames' order; empty where the dataset has masks alone."""
    values: Values = "ids"
    later_objects: bool = False
    """Objects may appear after the first annotated frame. Otherwise an id that is not in the
    first annotated frame is no object of the sequence."""
    starts: Mapping[int, str] | None = field(default=None, repr=False)
    """The frame in which each object appears first, where the dataset says it (meta.json)."""

    @property
    def frame_names(self) -> tuple[str, ...]:
        """Names of all frames in order; of the annotated ones where there are no images."""
        return tuple(path.stem for path in self.frames) or tuple(self.annotations)

    def read_annotation(self, frame: str) -> NDArray[np.uint8]:
        """Read the mask (H, W) uint8 of an annotated frame as object ids; 255 is void.

        Raises:
            InputError: the file is not a readable mask of ids.
        """
        return as_ids(read_index_png(self.annotations[frame]), self.values)

    @cached_property
    def prompts(self) -> dict[str, tuple[int, ...]]:
        """Which frames give which objects for the first time: frame name -> object ids.

        The masks to hand to a tracker. Found by reading the annotations up to where all objects
        are known: the first one, all of them if objects may appear later, none if the dataset
        says it.
        """
        known: dict[int, str] = dict(self.starts or {})
        if self.starts is None:
            for frame in self.annotations:
                for number in object_ids(self.read_annotation(frame)):
                    known.setdefault(number, frame)
                if not self.later_objects:
                    break
        prompts: dict[str, tuple[int, ...]] = {}
        for frame in self.annotations:
            if numbers := tuple(sorted(n for n, start in known.items() if start == frame)):
                prompts[frame] = numbers
        return prompts

    @property
    def prompts_only(self) -> bool:
        """Whether all annotations are prompts, so that none is left to score against.

        So it is where a benchmark withholds the truth: there are more frames than annotations,
        and each of these gives an object for the first time.
        """
        if self.starts is not None:
            return set(self.annotations) <= set(self.starts.values())
        if len(self.annotations) >= len(self.frame_names):
            return False
        known: set[int] = set()
        for frame in self.annotations:
            if known and not self.later_objects:
                return False
            ids = set(object_ids(self.read_annotation(frame)))
            if ids <= known:
                return False
            known |= ids
        return True

    def read_prompt(self, frame: str) -> NDArray[np.uint8]:
        """Read the mask (H, W) uint8 of a frame with the objects alone that it gives first."""
        ids = self.read_annotation(frame)
        return np.where(np.isin(ids, self.prompts[frame]), ids, np.uint8(0))

    def problems(self) -> list[str]:
        """Say what makes the sequence unusable for propagation: images absent or of other size."""
        if not self.frames or not self.annotations:
            return [f"{self.name}: no {'annotations' if self.frames else 'images'}"]
        images = {path.stem: path for path in self.frames}
        if lacking := [name for name in self.annotations if name not in images]:
            return [f"{self.name}: annotated frames without an image: {shortened(lacking)}"]
        first, mask = next(iter(self.annotations.items()))
        problems = []
        if first != self.frames[0].stem and not self.later_objects:
            problems.append(f"{self.name}: its first frame {self.frames[0].stem} has no annotation")
        try:
            sizes = _size(images[first]), _size(mask)
        except InputError as error:
            return [*problems, str(error)]
        if sizes[0] != sizes[1]:
            problems.append(
                f"{self.name}: frame {first} is {sizes[0][0]}x{sizes[0][1]} pixels, its "
                f"annotation {sizes[1][0]}x{sizes[1][1]} (width x height)"
            )
        return problems


def as_ids(stored: NDArray[np.uint8], values: Values) -> NDArray[np.uint8]:
    """Turn the values of a mask file (H, W) into object ids (H, W), 255 being void."""
    if values == "ids":
        return stored
    if values == "white":
        return (stored != 0).astype(np.uint8)
    return np.where(stored == VOID, np.uint8(VOID), (stored != 0).astype(np.uint8))


def look_white(paths: Iterable[Path]) -> bool:
    """Tell whether mask files hold 0 and 255 alone: one object drawn in white, not void.

    The first that is not empty decides. Where empty ones lie before it, it may show void before
    any object, so all of them are read.
    """
    white = False
    for number, path in enumerate(paths):
        stored = read_index_png(path)
        if object_ids(stored):
            return False
        white = white or bool((stored == VOID).any())
        if white and number == 0:
            return True
    return white


def _size(path: Path) -> tuple[int, int]:
    """Return (width, height) from a file's header."""
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: not a readable image ({error})") from error
