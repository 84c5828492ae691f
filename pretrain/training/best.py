"""The checkpoint with the highest value of a probe, kept for good under a name that says so."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from pretrain.training.checkpoints import FOLDER, link_or_copy

_VALUE = re.compile(r"best-(?P<probe>\w+)-(?P<value>-?\d+\.\d+)-step-\d+\.pth")


class BestCheckpoint:
    """A link to one of a run's checkpoints: `checkpoints/best-<probe>-<value>-step-<n>.pth`.

    Args:
        folder: of the run.
        probe: whose value counts; "none" keeps nothing.
        resumed: whether the run goes on; then what it kept before counts.
    """

    def __init__(self, folder: Path, probe: str, *, resumed: bool) -> None:
        self.folder, self.probe = folder, probe
        values = [_value(path) for path in best_checkpoints(folder, probe)] if resumed else []
        self.value = max(values, default=-math.inf)

    def improves(self, numbers: Mapping[str, float]) -> bool:
        """Say whether a look at the teacher gave more than all before it."""
        value = numbers.get(self.probe, math.nan)
        return round(value, 6) > self.value

    def keep(self, checkpoint: Path, numbers: Mapping[str, float]) -> Path:
        """Keep a checkpoint as the best one, in the place of the one before.

        Raises:
            OSError: it could not be written; the one before is still there then.
        """
        self.value = round(numbers[self.probe], 6)
        best = self.folder / FOLDER / f"best-{self.probe}-{self.value:.6f}-{checkpoint.name}"
        link_or_copy(checkpoint, best)
        for path in best_checkpoints(self.folder, self.probe):
            if path != best:
                path.unlink(missing_ok=True)
        return best


def best_checkpoints(folder: Path, probe: str) -> list[Path]:
    """List the checkpoints of a run kept for a probe, the best one last; mostly one or none."""
    paths = (folder / FOLDER).glob(f"best-{probe}-*.pth")
    return sorted((path for path in paths if _VALUE.fullmatch(path.name)), key=_value)


def _value(path: Path) -> float:
    match = _VALUE.fullmatch(path.name)
    assert match is not None  # a name that `best_checkpoints` listed
    return float(match["value"])
