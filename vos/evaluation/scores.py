"""The rules of a scoring, the predicted masks it reads, and the scores it gives.

Shape letters: T frames, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.datasets.sequence import Task, VideoSequence, as_ids
from vos.errors import InputError
from vos.files import files_by_name, shortened
from vos.masks.io import read_index_png
from vos.metrics import Region, Statistics, statistics


@dataclass(frozen=True)
class ScoringRules:
    """How predictions are scored, and what is done about those that do not fit."""

    task: Task = "semi-supervised"
    """Objects are given by the first mask, or are to be found (matched to proposals)."""
    first_last: Literal["skip", "keep"] | None = None
    """Whether the first and the last annotated frame count. None follows the task's protocol:
    skip for semi-supervised, keep for unsupervised."""
    missing: Literal["error", "empty"] = "error"
    """Frames without a predicted mask are an error, or count as empty masks."""
    extra_objects: Literal["error", "ignore"] = "error"
    """Predicted ids that are no object of the sequence are an error, or count as background."""

    @property
    def skips_ends(self) -> bool:
        """Whether the first and the last annotated frame are left out."""
        return (self.first_last or ("skip" if self.task == "semi-supervised" else "keep")) == "skip"

    def scored_frames(self, sequence: VideoSequence) -> list[str]:
        """Return the names of the frames that count.

        Raises:
            InputError: none is left.
        """
        names = list(sequence.annotations)
        scored = names[1:-1] if self.skips_ends else names
        if not scored:
            raise InputError(
                f"{sequence.name}: {len(names)} annotated frames, and the first and the last do "
                "not count. Annotate more, or count them too (--first-last keep)."
            )
        return scored


@dataclass(frozen=True, eq=False)
class ObjectScore:
    """J and F of one object of a sequence."""

    sequence: str
    object_id: int
    """The id in the ground truth."""
    number: int
    """The number in the official report: the id; in the unsupervised task, the place of the
    object's proposal among the matched ones."""
    proposal: int | None
    """The predicted id that was matched (unsupervised); None where there was none left."""
    frames: tuple[str, ...] = field(repr=False)
    j_frames: NDArray[np.float64] = field(repr=False)
    """(T,) region similarity in each of `frames`."""
    f_frames: NDArray[np.float64] = field(repr=False)
    """(T,) contour accuracy in each of `frames`."""

    @property
    def name(self) -> str:
        """The name in the official report: sequence_number."""
        return f"{self.sequence}_{self.number}"

    @cached_property
    def j(self) -> Statistics:
        """Mean, recall and decay of the region similarity."""
        return statistics(self.j_frames)

    @cached_property
    def f(self) -> Statistics:
        """Mean, recall and decay of the contour accuracy."""
        return statistics(self.f_frames)

    @property
    def jf_mean(self) -> float:
        """The mean of mean J and mean F."""
        return (self.j.mean + self.f.mean) / 2


@dataclass(frozen=True)
class SequenceScore:
    """The objects' scores of one sequence, and what was passed over."""

    name: str
    objects: tuple[ObjectScore, ...]
    missing: tuple[str, ...] = ()
    """Frames without a predicted mask, counted as empty."""
    ignored: tuple[int, ...] = ()
    """Predicted ids that were taken as background."""
    unscored: tuple[int, ...] = ()
    """Objects that appear too late to have a frame that counts; they are in no mean."""

    @property
    def j_mean(self) -> float:
        """Mean J over the objects."""
        return float(np.mean([o.j.mean for o in self.objects]))

    @property
    def f_mean(self) -> float:
        """Mean F over the objects."""
        return float(np.mean([o.f.mean for o in self.objects]))

    @property
    def jf_mean(self) -> float:
        """Mean of J and F over the objects."""
        return (self.j_mean + self.f_mean) / 2


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


def region_of(ids: NDArray[np.uint8], number: int) -> Region:
    """Measure the region of one id in a mask (H, W)."""
    return Region.of(cv2.compare(ids, number, cv2.CMP_EQ))  # type: ignore[call-overload]
