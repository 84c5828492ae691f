"""The results of one run, for programs: as a dict, as CSV, and in a line."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reporting.run_files import RESULTS
from benchmarks.reporting.tables.formats import as_text
from benchmarks.reporting.tables.layout import Table, table_of
from benchmarks.reporting.tables.run_rows import read_groups
from vos.errors import InputError


@dataclass(frozen=True, repr=False)
class BenchmarkResults:
    """What a finished run of a benchmark gave."""

    benchmark: str
    """The verb of `vos-bench`."""
    folder: Path
    """The run's folder, with its report, table, masks and records."""
    contents: Mapping[str, Any]
    """Those of `results.json`."""
    table: Table | None
    """The run's figures, in percent; None where nothing is scored, as the truth is withheld."""

    @classmethod
    def read(cls, benchmark: str, folder: Path) -> BenchmarkResults:
        """Read the results of a run.

        Raises:
            InputError: the folder holds no finished run.
        """
        try:
            contents = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}: {RESULTS} cannot be read ({error})") from None
        is_scored = contents.get("state") == "complete"
        table = table_of(read_groups([folder], published=False)) if is_scored else None
        return cls(benchmark, folder, contents, table)

    def to_dict(self) -> dict[str, Any]:
        """Return a copy of all figures, as `results.json` has them."""
        return copy.deepcopy(dict(self.contents))

    def to_csv(self, path: str | Path | None = None) -> str:
        """Return the figures of the run's table as CSV, as `vos-bench table --format csv` does.

        Args:
            path: a file to write the text to, too.

        Raises:
            InputError: nothing was scored.
            OSError: the file cannot be written.
        """
        if self.table is None:
            raise InputError(f"{self.folder}: the truth is withheld, so there are no figures")
        text = as_text(self.table, "csv")
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def __repr__(self) -> str:
        shown = "not scored"
        if self.table is not None:
            figures = zip(self.table.columns, self.table.rows[0].figures, strict=True)
            shown = ", ".join(f"{name} {f.value:.1f}" for name, f in figures if f is not None)
        return f"<vos-bench {self.benchmark}: {shown}; {self.folder}>"
