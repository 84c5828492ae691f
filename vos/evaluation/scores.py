"""The scores that an evaluation gives: of an object, of a sequence, of a set.

Shape letters: T frames, H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vos.evaluation.j_and_f import Statistics, statistics
from vos.evaluation.rules import ScoringRules


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
    white: tuple[str, ...] = ()
    """What was said of masks of 0 and 255 alone: whose they are, and which object that is."""

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


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set: per sequence, per object, and over all objects."""

    dataset: str
    subset: str
    rules: ScoringRules
    sequences: tuple[SequenceScore, ...]

    @property
    def objects(self) -> tuple[ObjectScore, ...]:
        """All objects, in the order of the sequences."""
        return tuple(o for sequence in self.sequences for o in sequence.objects)

    @cached_property
    def j(self) -> Statistics:
        """Mean, recall and decay of J, each the mean over the objects."""
        return _over_objects([o.j for o in self.objects])

    @cached_property
    def f(self) -> Statistics:
        """Mean, recall and decay of F, each the mean over the objects."""
        return _over_objects([o.f for o in self.objects])

    @property
    def jf_mean(self) -> float:
        """J&F: the mean of mean J and mean F."""
        return (self.j.mean + self.f.mean) / 2

    def __getitem__(self, sequence: str) -> SequenceScore:
        for score in self.sequences:
            if score.name == sequence:
                return score
        raise KeyError(sequence)


def _over_objects(values: list[Statistics]) -> Statistics:
    return Statistics(
        float(np.mean([v.mean for v in values])),
        float(np.mean([v.recall for v in values])),
        float(np.mean([v.decay for v in values])),
    )
