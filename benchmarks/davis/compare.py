"""`vos-bench compare`: two runs on the same videos side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Compare:
    """Set two runs side by side: per-object differences and an interval of their mean.

    The interval is a paired bootstrap over the sequences. Of jhmdb, vip, badja and tap-vid, whole
    videos are compared.

    Example: vos-bench compare runs/davis_s16 runs/davis_s8 -o comparison.html
    """

    first: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RUN")]]
    """Folder of a run of `vos-bench davis`, jhmdb, vip, badja or tap-vid."""
    second: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="RUN")]]
    """Folder of the run to set beside it; differences are second minus first."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = None
    """Write the comparison to this HTML file, with a plot."""

    def run(self) -> int:
        """Compare, print and write."""
        from benchmarks.davis.comparison import compare, read_run, write_comparison

        comparison = compare(read_run(self.first), read_run(self.second))
        print("\n".join(comparison.lines()))
        if self.out is not None:
            write_comparison(self.out, comparison)
            print(f"wrote {self.out}")
        return 0
