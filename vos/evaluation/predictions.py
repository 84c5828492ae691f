"""A folder of predicted masks, held against the sequence that it is of.

Shapes: H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vos.datasets.sequence import VideoSequence, as_ids
from vos.errors import InputError
from vos.evaluation.rules import ScoringRules
from vos.files import files_by_name, shortened
from vos.masks.io import read_index_png


class Predictions:
    """The predicted masks of one sequence: read, checked against the truth's size."""

    def __init__(self, folder: Path, sequence: VideoSequence, rules: ScoringRules) -> None:
        self._files = files_by_name(folder, {".png"}) if folder.is_dir() else {}
        self._sequence = sequence
        self.missing = tuple(f for f in rules.scored_frames(sequence) if f not in self._files)

    def read(self, frame: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Read the predicted ids (H, W) of a frame; empty where it is missing.

        Raises:
            InputError: the file is no mask of ids, or not of the truth's shape.
        """
        if frame not in self._files:
            return np.zeros(shape, np.uint8)
        ids = read_index_png(self._files[frame])
        if ids.shape != shape:
            raise InputError(
                f"{self._files[frame]}: {ids.shape[1]}x{ids.shape[0]} pixels, but the truth of "
                f"sequence {self._sequence.name}, frame {frame}, is {shape[1]}x{shape[0]} (width "
                "x height). Predict at the annotations' resolution, or resize the masks to it."
            )
        # Where there is but one object, any value that is not background means it.
        return ids if self._sequence.values == "ids" else as_ids(ids, "white")


def missing_message(missing: Iterable[tuple[str, tuple[str, ...]]], folder: Path) -> str:
    """Say which frames of which sequences have no predicted mask in `folder`."""
    lines = [f"\n  - {name}: {len(frames)} ({shortened(frames)})" for name, frames in missing]
    return (
        f"{folder}: predicted masks are missing (sequence: frames):{''.join(lines)}\n"
        "Predict them, or count them as empty masks (--missing empty)."
    )
