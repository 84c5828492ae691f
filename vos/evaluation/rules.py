"""What is scored, and what is done about masks that do not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vos.datasets.sequence import Task, VideoSequence
from vos.errors import InputError


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
