"""One frame's outcome, and the form of what takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from vos.propagation.confidence import ObjectConfidence
from vos.video.frames import Frame


@dataclass(frozen=True)
class Result:
    """One frame's outcome. H W are pixels, h w patches, O objects + background."""

    frame: Frame
    ids: np.ndarray
    """uint8 (H, W)."""
    soft: np.ndarray | None
    """(O, h, w) float32 with values in 0..1, background first; None before the first prompt."""
    objects: tuple[int, ...]
    """The ids of channels 1, 2, ..."""
    confidence: Mapping[int, ObjectConfidence] = field(default_factory=dict)
    """By object id; empty where nothing asks for it."""
    replayed: bool = False
    """Whether an earlier part of the run computed it; it then has no soft labels and objects."""


class Sink(Protocol):
    """Something that takes the results in order."""

    def write(self, result: Result) -> None:
        """Take a frame's result."""
        ...
