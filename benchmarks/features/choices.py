"""What the options choose and the computation takes: kinds of features, and how images are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vos.errors import InputError

FeatureKind = Literal["class", "class_last_4", "class_mean", "class_gem"]
"""class: the class token; class_last_4: those of the last four blocks; class_mean: the class token
and the mean of the patch tokens; class_gem: the class token and GeM of the patch tokens. A network
without a class token gives its pooled features for `class`, `class_last_4` and `class_mean`; one
that gives maps alone (a module of the caller's, an ONNX file) the mean over its map."""


@dataclass(frozen=True)
class LoaderOptions:
    """How images are read and how many at once."""

    batch: int = 64
    """Images that the network sees at once."""
    workers: int = 2
    """Processes that read and resize images; 0 does it in the main process."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a number is out of its range.
        """
        if self.batch < 1 or self.workers < 0:
            raise InputError(
                f"batch is {self.batch} and workers {self.workers}; expected at least 1 and 0"
            )
