"""A training and a test set of images with classes: which they are, and how they are told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vos.errors import InputError
from vos.runtime.progress import status

if TYPE_CHECKING:
    from benchmarks.features.image_sets import ImageSet


@dataclass(frozen=True)
class LabelledData:
    """Where the images are: two folders, or one that is split."""

    train: str | None = None
    """Training images: a folder <class>/<image>, a .zip of it, or archive.zip/folder."""
    test: str | None = None
    """Test images, in the same form; without it the training set is split."""
    train_per_class: int = 0
    """Training images drawn from each class when one set is split."""
    test_per_class: int = 0
    """Test images drawn from each class when one set is split; 0 takes all that are left."""
    split_seed: int = 0
    """Seed of the draw."""

    def load(self) -> tuple[ImageSet, ImageSet]:
        """Open both sets.

        Raises:
            InputError: no set is given; a set cannot be used; one set and no split.
        """
        from benchmarks.features.image_sets import open_classes, same_classes, split_by_class

        if self.train is None:
            raise InputError("no images were given; give --train, and --test or --train-per-class")
        status(f"reading the list of images of {self.train}")
        train = open_classes(self.train)
        if self.test is not None:
            if self.train_per_class or self.test_per_class:
                raise InputError(
                    "a test set and a split were given; leave out --test, or --train-per-class "
                    "and --test-per-class"
                )
            return train, same_classes(train, open_classes(self.test))
        if not self.train_per_class:
            raise InputError(
                "no test set: give --test, or --train-per-class to split the training set"
            )
        return split_by_class(train, self.train_per_class, self.test_per_class, self.split_seed)


def sizes_text(train: int, test: int, classes: int) -> str:
    """Return the sizes of both sets in words."""
    return f"{train} training and {test} test images of {classes} classes"
