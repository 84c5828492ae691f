"""What is scored, and what is done about masks that do not fit.

Its fields are options of the command line, so it loads nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vos.datasets.task import Task
from vos.errors import InputError

if TYPE_CHECKING:
    from vos.datasets.sequence import VideoSequence


@dataclass(frozen=True)
class ScoringRules:
    """How predictions are scored, and what is done about those that do not fit."""

    task: Task = "semi-supervised"
    """semi-supervised: the first mask gives the objects, by their ids. unsupervised: predicted ids
    are proposals, which are matched to the true objects."""
    first_last: Literal["skip", "keep"] | None = None
    """The first and the last annotated frame. skip: they do not count; keep: they do; None: skip in
    the semi-supervised task, keep in the unsupervised one, as the protocols say."""
    missing: Literal["error", "empty"] = "error"
    """Frames without a predicted mask. error: scoring stops and lists them; empty: they count as
    empty masks."""
    extra_objects: Literal["error", "ignore"] = "error"
    """Predicted ids that are no object of the sequence. error: scoring stops and names them;
    ignore: they count as background."""

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
