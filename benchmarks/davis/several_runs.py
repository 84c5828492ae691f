"""Several runs beside a first one: their figures, differences and intervals in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.davis.comparison import Comparison, Run, compare
from benchmarks.reporting import html
from vos.errors import InputError


@dataclass(frozen=True)
class SeveralRuns:
    """Runs that are each compared with the first one."""

    comparisons: tuple[Comparison, ...]

    @property
    def first(self) -> Run:
        """The run that the others are set beside."""
        return self.comparisons[0].first

    @property
    def runs(self) -> tuple[Run, ...]:
        """All runs, the first one first."""
        return (self.first, *(comparison.second for comparison in self.comparisons))

    def letters(self) -> list[tuple[str, str]]:
        """Return the letter of each run in the tables, and its folder."""
        return [(_letter(place), str(run.folder)) for place, run in enumerate(self.runs)]

    def settings(self) -> list[tuple[str, ...]]:
        """Return the settings that differ in any run: name, and a value for each run."""
        values: dict[str, dict[int, str]] = {}
        for place, comparison in enumerate(self.comparisons, start=1):
            for name, before, after in comparison.settings:
                values.setdefault(name, {0: before})[place] = after
        count = len(self.runs)
        return [
            (name, *(of_run.get(place, of_run[0]) for place in range(count)))
            for name, of_run in sorted(values.items())
        ]

    def overall(self) -> list[tuple[str, ...]]:
        """Return for each figure over all: name, the first run's, and those of the others.

        Each other one has its difference, and the interval of that where there is one.
        """
        rows: dict[str, list[str]] = {}
        for place, comparison in enumerate(self.comparisons, start=1):
            for name, before, after, interval in comparison.overall():
                row = rows.setdefault(name, [f"{before:.3f}", *[""] * len(self.comparisons)])
                row[place] = f"{after:.3f} ({after - before:+.3f}) {interval}".rstrip()
        return [(name, *row) for name, row in rows.items()]

    def by_object(self) -> list[tuple[str, ...]]:
        """Return for each object: name, and the headline figure of each run, best marked by *."""
        headline = self.comparisons[0].headline
        values: dict[str, dict[int, float]] = {}
        for place, comparison in enumerate(self.comparisons, start=1):
            for name, (before, after) in comparison.pairs(headline).items():
                values.setdefault(name, {})[0] = before
                values[name][place] = after
        return [
            (name, *(_marked(of_run, place) for place in range(len(self.runs))))
            for name, of_run in sorted(values.items())
        ]

    def lines(self) -> list[str]:
        """Return the comparison as text."""
        letters = [letter for letter, _ in self.letters()]
        lines = [f"{letter}: {folder}" for letter, folder in self.letters()]
        lines += [f"  {name}: {' | '.join(values)}" for name, *values in self.settings()]
        lines += ["", *_aligned([("", *letters), *self.overall()])]
        caption = self.comparisons[0].caption
        lines += ["", *_aligned([(f"{caption} (* best)", *letters), *self.by_object()])]
        return lines


def compare_all(runs: Sequence[Run]) -> SeveralRuns:
    """Compare the first run with each of the others.

    Raises:
        InputError: fewer than two runs; or two are of other data, objects or rules.
    """
    if len(runs) < 2:
        raise InputError(f"{len(runs)} run was given; compare takes two or more")
    return SeveralRuns(tuple(compare(runs[0], other) for other in runs[1:]))


def write_several(path: Path, several: SeveralRuns) -> None:
    """Write the comparison as a page of one file."""
    letters = [letter for letter, _ in several.letters()]
    unit = several.first.unit
    explanation = (
        f"Differences and 95 % intervals are of each run minus {letters[0]} (paired bootstrap over "
        "sequences); an interval that holds 0 says that these sequences do not tell the two apart. "
        "With several runs, one of them may differ by chance alone."
    )
    settings = several.settings()
    parts = [
        html.heading(f"{len(several.runs)} runs", f"{letters[0]}: {several.first.folder}"),
        html.section("Runs", html.table(("", "folder"), several.letters())),
        html.section(
            f"Over all {unit}s",
            html.paragraph(explanation, "faint"),
            html.table(("", *letters), several.overall()),
        ),
        html.section(
            "What differs in the settings",
            html.table(("", *letters), settings) if settings else html.paragraph("Nothing."),
        ),
        html.section(
            several.comparisons[0].caption, html.table((unit, *letters), several.by_object())
        ),
    ]
    html.write_page(path, f"Comparison of {len(several.runs)} runs", parts)


def _letter(place: int) -> str:
    """Return A to Z, then A1 to Z1 and so on."""
    rounds, letter = divmod(place, 26)
    return chr(ord("A") + letter) + (str(rounds) if rounds else "")


def _marked(values: dict[int, float], place: int) -> str:
    """Return a run's figure, with a star where none is larger."""
    if place not in values:
        return ""
    return f"{values[place]:.3f}{'*' if values[place] == max(values.values()) else ''}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
