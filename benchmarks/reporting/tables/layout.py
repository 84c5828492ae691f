"""One table of several groups: a row for each backbone or method, a column for each figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reporting.tables.run_rows import Figure, Group, RunRow


@dataclass(frozen=True)
class TableRow:
    """A row over all columns of the table."""

    name: str
    is_published: bool
    figures: tuple[Figure | None, ...]


@dataclass(frozen=True)
class Table:
    """What is written in any format."""

    groups: tuple[Group, ...]
    rows: tuple[TableRow, ...]
    """The runs, then the published methods."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of all groups."""
        return tuple(column for group in self.groups for column in group.columns)

    def best(self, column: int) -> float | None:
        """Return the best value of a column as it is shown, to one decimal."""
        values = [row.figures[column] for row in self.rows]
        shown = [round(figure.value, 1) for figure in values if figure is not None]
        lower = [group.lower_is_better for group in self.groups for _ in group.columns][column]
        return min(shown, default=None) if lower else max(shown, default=None)

    def notes(self) -> list[str]:
        """Say in a line for each group what the figures are of."""
        return [
            f"{group.label}. Runs on: {group.data}."
            + ("" if group.published else " Published figures are not shown beside.")
            for group in self.groups
        ]


def table_of(groups: Sequence[Group]) -> Table:
    """Set groups side by side.

    Runs of one backbone on several benchmarks share a row: the same name and the same weights. Two
    backbones of one name, or two runs of one on the same data, are told apart by their folders.
    """
    names = _names(groups)
    runs = _rows(
        groups, ((i, row, names[row]) for i, group in enumerate(groups) for row in group.rows),
        is_published=False,
    )  # fmt: skip
    listed = ((i, row, row.name) for i, group in enumerate(groups) for row in group.published)
    return Table(tuple(groups), (*runs, *_rows(groups, listed, is_published=True)))


def _rows(
    groups: Sequence[Group], given: Iterable[tuple[int, RunRow, str]], *, is_published: bool
) -> list[TableRow]:
    by_name: dict[str, list[tuple[Figure | None, ...]]] = {}
    for number, row, name in given:
        empty: list[tuple[Figure | None, ...]] = [(None,) * len(g.columns) for g in groups]
        by_name.setdefault(name, empty)[number] = row.figures
    return [
        TableRow(name, is_published, tuple(figure for part in parts for figure in part))
        for name, parts in by_name.items()
    ]


def _names(groups: Sequence[Group]) -> dict[RunRow, str]:
    """Return how each run's row is called: alike for one backbone's runs on different data."""
    rows = [row for group in groups for row in group.rows]
    ambiguous = {
        name
        for name in {row.name for row in rows}
        if len({row.weights for row in rows if row.name == name}) > 1
        or any(sum(row.name == name for row in group.rows) > 1 for group in groups)
    }
    last = {row.origin: Path(row.origin).name for row in rows}
    is_unique = len(set(last.values())) == len(last)
    return {
        row: f"{row.name} ({last[row.origin] if is_unique else row.origin})"
        if row.name in ambiguous
        else row.name
        for row in rows
    }
