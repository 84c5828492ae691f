"""Pictures with true masks of their objects: PASCAL VOC 2012 and DAVIS.

Shapes: H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.masks.ids import VOID
from vos.masks.io import read_index_png
from vos.video.images import read_image

VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
"""Names of the ids 1 to 20 of PASCAL VOC."""


@dataclass(frozen=True)
class MaskedPicture:
    """A picture and where its true mask is."""

    name: str
    image: Path
    group: str | None
    """Its sequence; None where its groups are the classes in its mask."""
    read_ids: Callable[[], NDArray[np.uint8]]

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the picture, RGB uint8 (H, W, 3), and its mask, uint8 (H, W); 255 is void.

        Raises:
            InputError: a file cannot be read, or the two are of different sizes.
        """
        pixels, ids = read_image(self.image), self.read_ids()
        if pixels.shape[:2] != ids.shape:
            raise InputError(
                f"{self.name}: the picture is {pixels.shape[1]}x{pixels.shape[0]} pixels, its mask "
                f"{ids.shape[1]}x{ids.shape[0]}"
            )
        return pixels, ids

    def groups(self, ids: NDArray[np.uint8]) -> list[str]:
        """Return what each object counts for: the picture's sequence, or the object's class."""
        present = object_ids(ids)
        if self.group is not None:
            return [self.group] * len(present)
        return [VOC_CLASSES[i - 1] if i <= len(VOC_CLASSES) else f"class {i}" for i in present]


def object_ids(ids: NDArray[np.uint8]) -> list[int]:
    """Return the ids in a mask that are neither background nor void, ascending."""
    return [int(number) for number in np.unique(ids) if number not in (0, VOID)]


def open_pictures(root: Path, subset: str, every: int) -> list[MaskedPicture]:
    """Open PASCAL VOC (a folder with SegmentationClass) or DAVIS and its like.

    Args:
        root: the dataset's folder.
        subset: the set, such as val.
        every: take one in so many pictures, of DAVIS one in so many annotated frames.

    Raises:
        InputError: the folder is neither, or files are missing.
    """
    if every < 1:
        raise InputError(f"every is {every}; expected at least 1")
    voc = (root / "SegmentationClass").is_dir()
    return _voc(root, subset)[::every] if voc else _davis(root, subset, every)


def _voc(root: Path, subset: str) -> list[MaskedPicture]:
    listing = root / "ImageSets" / "Segmentation" / f"{subset}.txt"
    try:
        names = listing.read_text(encoding="utf-8").split()
    except OSError:
        raise InputError(f"{listing} cannot be read; it should list the set's pictures") from None
    pictures = []
    for name in names:
        image = root / "JPEGImages" / f"{name}.jpg"
        mask = root / "SegmentationClass" / f"{name}.png"
        for path in (image, mask):
            if not path.is_file():
                raise InputError(f"{path} is missing; {listing} lists it")
        pictures.append(MaskedPicture(name, image, None, _Reader(mask)))
    if not pictures:
        raise InputError(f"{listing} lists no pictures")
    return pictures


@dataclass(frozen=True)
class _Reader:
    path: Path

    def __call__(self) -> NDArray[np.uint8]:
        return read_index_png(self.path)


def _davis(root: Path, subset: str, every: int) -> list[MaskedPicture]:
    pictures = []
    for sequence in load_dataset(root, subset).sequences:
        frames = {path.stem: path for path in sequence.frames}
        for frame in list(sequence.annotations)[::every]:
            pictures.append(
                MaskedPicture(
                    f"{sequence.name}/{frame}",
                    frames[frame],
                    sequence.name,
                    partial(sequence.read_annotation, frame),
                )
            )
    return pictures
