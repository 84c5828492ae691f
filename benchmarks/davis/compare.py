"""`vos-bench compare`: runs on the same videos side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vos.errors import InputError


@dataclass(frozen=True)
class Compare:
    """Set two or more runs side by side: differences from the first, and intervals of their means.

    The interval is a paired bootstrap over the sequences. Of jhmdb, vip, badja and tap-vid, whole
    videos are compared.

    Example: vos-bench compare runs/davis_s16 runs/davis_s8 -o comparison.html
    """

    runs: tyro.conf.Positional[Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RUN")]]
    """Folders of runs of `vos-bench davis`, jhmdb, vip, badja or tap-vid; differences are of each
    minus the first."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = None
    """Write the comparison to this HTML file."""

    def run(self) -> int:
        """Compare, print and write."""
        if len(self.runs) < 2:
            given = "one run was given" if self.runs else "no run was given"
            raise InputError(f"{given}; give the folders of two or more")
        from benchmarks.davis.comparison import compare, read_run, write_comparison
        from benchmarks.davis.several_runs import compare_all, write_several

        runs = [read_run(folder) for folder in self.runs]
        if len(runs) == 2:
            comparison = compare(*runs)
            lines = comparison.lines()
        else:
            several = compare_all(runs)
            lines = several.lines()
        print("\n".join(lines))
        if self.out is not None:
            if len(runs) == 2:
                write_comparison(self.out, comparison)
            else:
                write_several(self.out, several)
            print(f"wrote {self.out}")
        return 0
