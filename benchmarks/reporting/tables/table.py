"""`vos-bench table`: several runs and benchmarks in one table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.reporting.tables.formats import TableFormat, as_text
from vos.errors import InputError

_BY_SUFFIX: dict[str, TableFormat] = {".md": "markdown", ".tex": "latex", ".csv": "csv"}


@dataclass(frozen=True)
class TableVerb:
    """Set runs of any benchmarks in one table: published rows beside, the best in bold.

    Figures that are means over objects have a 95 % bootstrap interval over the sequences. Runs of
    one backbone on several benchmarks share a row.

    Example: vos-bench table runs/vits16 runs/vits8 runs/vip --format latex -o table.tex
    """

    runs: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RUN")]]
    """Folders of finished runs."""
    format: TableFormat | None = None
    """None: by the ending of -o (.md, .tex, .csv), else markdown. LaTeX needs the package
    booktabs."""
    published: bool = True
    """Put published figures beside, where the runs are on the same data."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = None
    """File to write. None: print the table."""

    def run(self) -> int:
        """Read the runs, and print or write their table."""
        from benchmarks.reporting.tables.layout import table_of
        from benchmarks.reporting.tables.run_rows import read_groups
        from vos.files import atomic_path

        if not self.runs:
            raise InputError("give the folder of one run or more")
        suffix = "" if self.out is None else self.out.suffix.lower()
        form = self.format or _BY_SUFFIX.get(suffix, "markdown")
        text = as_text(table_of(read_groups(self.runs, published=self.published)), form)
        if self.out is None:
            print(text, end="")
            return 0
        try:
            with atomic_path(self.out) as beside:
                beside.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{self.out} cannot be written: {error.strerror}") from None
        print(f"wrote {self.out}")
        return 0
