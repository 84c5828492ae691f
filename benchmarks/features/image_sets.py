"""Images by class: folders in ImageFolder form, and zip archives of such folders.

`root/<class>/.../<image>`; an archive is `images.zip` or, for a folder in it, `images.zip/inner`.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from pretrain.sources.archives import FolderSource, ZipSource, list_folder
from pretrain.sources.decode import BrokenImageError, decode, read_header
from vos.errors import InputError
from vos.files import natural_key

_ANY = np.random.default_rng(0)  # sources of single images draw nothing from it


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Some images of a source in a fixed order, with their classes where those are known."""

    source: FolderSource | ZipSource
    inside: str
    """Folder of the archive that names are counted from; empty otherwise."""
    indexes: NDArray[np.int64]
    """(N,) places in the source."""
    labels: NDArray[np.int64]
    """(N,) places in `classes`; all 0 where there are none."""
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.indexes)

    def name(self, number: int) -> str:
        """Return an image's name, from the root of the set."""
        return _from_root(self.source.name(int(self.indexes[number])), self.inside)

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """Return an image as RGB uint8 (H, W, 3), upright.

        Raises:
            InputError: the image cannot be read.
        """
        try:
            data = self.source.read(int(self.indexes[number]), _ANY)
            return decode(data, read_header(data))[0]
        except BrokenImageError as error:
            raise InputError(
                f"{self.name(number)} cannot be read ({error}); replace the image or remove it"
            ) from None

    def subset(self, numbers: Sequence[int] | NDArray[np.int64]) -> ImageSet:
        """Return the images with these numbers, in this order."""
        chosen = np.asarray(numbers, dtype=np.int64)
        return ImageSet(
            self.source, self.inside, self.indexes[chosen], self.labels[chosen], self.classes
        )

    def fingerprint(self) -> str:
        """Return a hash that changes with the files, their order, sizes or times of change."""
        digest = hashlib.sha256()
        for number in range(len(self)):
            digest.update(self.name(number).encode("utf-8", "surrogateescape") + b"\0")
        for path in self._files():
            status = path.stat()
            digest.update(f"{status.st_size} {status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def _files(self) -> list[Path]:
        if isinstance(self.source, FolderSource):
            root = self.source.root
            return [root / self.source.name(int(i)) for i in self.indexes]
        return [self.source.path]


def open_images(location: str | Path) -> ImageSet:
    """Open all images under a folder or in a zip archive, without classes, in natural order.

    Raises:
        InputError: nothing is there, or it holds no images.
    """
    path = Path(location)
    if path.is_dir():
        source: FolderSource | ZipSource = FolderSource(path, list_folder(path)["image"])
        inside = ""
    else:
        archive = next((p for p in (path, *path.parents) if p.suffix.lower() == ".zip"), None)
        if archive is None or not archive.is_file():
            raise InputError(
                f"{location} is neither a folder nor a zip archive (or archive.zip/folder)"
            )
        inside = path.relative_to(archive).as_posix() if path != archive else ""
        source = ZipSource(archive, inside)
    if not len(source):
        raise InputError(f"{location} holds no images")
    everything = np.arange(len(source))
    return ImageSet(source, inside, everything, np.zeros_like(everything))


def open_classes(location: str | Path) -> ImageSet:
    """Open images by class, the name of the first folder.

    Classes are numbered in natural order of their names.

    Raises:
        InputError: there are no images, images outside a class's folder, a class without images,
            or one class alone.
    """
    images = open_images(location)
    parts = [PurePosixPath(images.name(n).replace(os.sep, "/")).parts for n in range(len(images))]
    loose = [p[0] for p in parts if len(p) == 1]
    if loose:
        raise InputError(
            f"{location}: {len(loose)} images (such as {loose[0]}) lie in no class's folder; "
            "expected <class>/<image>"
        )
    classes = tuple(sorted({p[0] for p in parts}, key=natural_key))
    _refuse_empty_classes(images, classes)
    if len(classes) < 2:
        raise InputError(f"{location} has one class ({classes[0]}); expected two or more")
    number = {name: index for index, name in enumerate(classes)}
    labels = np.array([number[p[0]] for p in parts], dtype=np.int64)
    return ImageSet(images.source, images.inside, images.indexes, labels, classes)


def _refuse_empty_classes(images: ImageSet, classes: tuple[str, ...]) -> None:
    if isinstance(images.source, FolderSource):
        root = images.source.root
        folders = {f.name for f in root.iterdir() if f.is_dir()}
    else:
        root = images.source.path / images.inside
        with zipfile.ZipFile(images.source.path) as archive:
            inner = [PurePosixPath(n) for n in archive.namelist() if n.endswith("/")]
        inside = PurePosixPath(images.inside)
        folders = {path.name for path in inner if path.parent == inside}
    hidden = {name for name in folders if name.startswith((".", "__MACOSX"))}
    empty = sorted(folders - hidden - set(classes), key=natural_key)
    if empty:
        raise InputError(
            f"{root}: class {empty[0]} holds no images ({len(empty)} such); add images or remove "
            "the folder"
        )


def same_classes(train: ImageSet, test: ImageSet) -> ImageSet:
    """Give the test set the training set's class numbers.

    Raises:
        InputError: the test set has a class that the training set lacks.
    """
    strange = [name for name in test.classes if name not in train.classes]
    if strange:
        raise InputError(
            f"the test set has {len(strange)} classes that the training set lacks, such as "
            f"{strange[0]}"
        )
    number = np.array([train.classes.index(name) for name in test.classes], dtype=np.int64)
    return ImageSet(test.source, test.inside, test.indexes, number[test.labels], train.classes)


def split_by_class(
    images: ImageSet, train_per_class: int, test_per_class: int, seed: int
) -> tuple[ImageSet, ImageSet]:
    """Split one set in two by drawing from each class.

    Args:
        images: a set with classes.
        train_per_class: training images a class.
        test_per_class: test images a class at most; 0 takes all that are left.
        seed: of the draw.

    Raises:
        InputError: a class is too small to leave a test image.
    """
    if train_per_class < 1 or test_per_class < 0:
        raise InputError(
            f"{train_per_class} training and {test_per_class} test images a class were asked for; "
            "expected at least 1 and 0"
        )
    random = np.random.default_rng(seed)
    train: list[NDArray[np.int64]] = []
    test: list[NDArray[np.int64]] = []
    for label, name in enumerate(images.classes):
        own = random.permutation(np.flatnonzero(images.labels == label))
        if len(own) <= train_per_class:
            raise InputError(
                f"class {name} has {len(own)} images; {train_per_class} for training leave none "
                "for the test"
            )
        rest = own[train_per_class:]
        train.append(own[:train_per_class])
        test.append(rest[:test_per_class] if test_per_class else rest)
    return (
        images.subset(np.sort(np.concatenate(train))),
        images.subset(np.sort(np.concatenate(test))),
    )


def _from_root(name: str, inside: str) -> str:
    return name[len(inside) + 1 :] if inside else name
