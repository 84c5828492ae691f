"""A folder of predicted masks, held against the sequence that it is of.

Shapes: H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vos.datasets.folders import MASKS, holds_masks, masks_folder
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
        self.white_id: int | None = None
        """The object that masks of 0 and 255 alone show, once that is known of them."""

    def misnamed(self) -> str | None:
        """Say how the files' numbers differ from the truth's; None if they agree.

        Numbers that are all moved by the same would be scored on neighbouring frames, in silence.
        """
        true, given = list(self._sequence.frame_names), list(self._files)
        if not given or not all(name.isdecimal() for name in (*true, *given)):
            return None
        expected, numbers = {int(name) for name in true}, {int(name) for name in given}
        shift = max(numbers) - max(expected)
        moved = {number + shift for number in expected}
        whole = numbers == moved or numbers == moved - {min(moved)}  # the prompt may be left out
        if shift and whole and not numbers <= expected:
            return f"numbered from {given[0]}, the truth from {true[0]}"
        if self.missing and not set(given) & set(true) and numbers <= expected:
            return f"named {given[0]}.png, ..., the truth {true[0]}.png, ..."
        return None

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
        if self.white_id is not None:
            return np.where(ids != 0, np.uint8(self.white_id), np.uint8(0))
        # Where there is but one object, any value that is not background means it.
        return ids if self._sequence.values == "ids" else as_ids(ids, "white")


def prediction_folders(predictions: Path, names: Iterable[str]) -> dict[str, Path]:
    """Find the folder of each sequence's masks, in the layouts that runs are written in.

    Raises:
        InputError: there is no such folder.
    """
    names = list(names)
    if not predictions.is_dir():
        raise InputError(f"{predictions}: no such folder. Give the folder of predicted masks.")
    root = predictions
    if not any((root / name).is_dir() for name in names) and (root / MASKS).is_dir():
        root = masks_folder(root)
    single = len(names) == 1 and holds_masks(root)
    return {name: root if single else masks_folder(root / name) for name in names}


def missing_message(missing: Iterable[tuple[str, tuple[str, ...]]], folder: Path) -> str:
    """Say which frames of which sequences have no predicted mask in `folder`."""
    lines = [f"\n  - {name}: {len(frames)} ({shortened(frames)})" for name, frames in missing]
    return (
        f"{folder}: predicted masks are missing (sequence: frames):{''.join(lines)}\n"
        "Predict them, or count them as empty masks (--missing empty)."
    )
