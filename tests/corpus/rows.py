"""One input that people bring, and what must come of it; the table is made of these rows.

A row makes its files in a folder, gives the command line that is run there, and states the right
outcome: a result that is checked, or a refusal. A refusal is exit status 2 with a sentence, no
traceback, and nothing left in the output folder, which is `out` in every row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vos.masks.io import read_index_png

OUT = "out"
Command = list[str]


@dataclass(frozen=True)
class Run:
    """What a command did."""

    status: int
    text: str
    """Standard output and standard error, spaces and line ends made one."""
    folder: Path
    levels: list[float] = field(default_factory=list)
    """Mean level (0 to 255) of the upper left corner of every frame that the network was given."""
    weights_loaded: bool = False
    seconds_waited: float = 0.0
    """What `time.sleep` was asked for, where the row is offline."""

    def mask_names(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / OUT / "masks").glob("*.png"))

    def mask(self, name: str = "") -> np.ndarray:
        names = self.mask_names()
        assert names, f"no mask was written; printed: {self.text}"
        return read_index_png(self.folder / OUT / "masks" / f"{name or names[0]}.png")


Check = Callable[[Run], None]


@dataclass(frozen=True)
class Outcome:
    """The statuses that are right, what has to be said, and checks of the results.

    The checks are made unless the outcome is a refusal that leaves nothing.
    """

    statuses: tuple[int, ...]
    says: tuple[str, ...] = ()
    """Patterns, in any case, each of which is somewhere in what was printed."""
    never_says: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    before_weights: bool = False
    """The refusal comes before weights are loaded."""
    leaves_nothing: bool = True
    """With status 2, nothing is left in the output folder."""

    def hold(self, run: Run) -> None:
        """Assert that a run had this outcome."""
        assert "Traceback (most recent call last)" not in run.text, run.text
        assert run.status in self.statuses, f"exit {run.status}, printed: {run.text}"
        for pattern in self.says:
            assert re.search(pattern, run.text, re.I), f"not said: {pattern!r} in: {run.text}"
        for pattern in self.never_says:
            assert not re.search(pattern, run.text, re.I), f"said: {pattern!r} in: {run.text}"
        if self.before_weights:
            assert not run.weights_loaded, "weights were loaded first"
        if run.status == 2 and self.leaves_nothing:
            assert not (run.folder / OUT).exists(), "a refused run left its output folder"
        if run.status != 2 or not self.leaves_nothing:
            for check in self.checks:
                check(run)


@dataclass(frozen=True)
class Row:
    """An input, and its right outcome."""

    name: str
    topic: str
    make: Callable[[Path], Command]
    """Writes the input into a folder and returns the command line to run in it."""
    outcome: Outcome
    fails_today: bool = False
    """The outcome is known not to be the right one yet; the mend takes the mark away."""
    own_weights: bool = False
    """The weights that the command names are loaded, in place of a network that sees colours."""
    environment: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    """Modules that are not installed."""
    stop_at: int = 0
    """Ctrl-C comes when the network is given its frame of this number, counted from 1."""
    offline: bool = False
    """No address can be reached; waiting between attempts takes no time, but is counted."""


def works(*checks: Check, says: tuple[str, ...] = (), never: tuple[str, ...] = ()) -> Outcome:
    """Return the outcome of a command that succeeds."""
    return Outcome((0,), says, never, checks)


def refused(*says: str, never: tuple[str, ...] = (), before_weights: bool = False) -> Outcome:
    """Return the outcome of input that cannot be used."""
    return Outcome((2,), says, never, before_weights=before_weights)


def works_or_refused(*checks: Check, says: tuple[str, ...] = ()) -> Outcome:
    """Return the outcome where both are right: never a wrong result in silence."""
    return Outcome((0, 2), says, (), checks)
