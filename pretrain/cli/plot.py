"""`vos-pretrain plot`: the curves of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vos.runtime.progress import status


@dataclass(frozen=True)
class Plot:
    """Draw the curves of a run to a picture.

    Example: vos-pretrain plot runs/mine
    """

    run_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = None
    """Picture to write, a PNG file. None: curves.png in the run's folder."""

    def run(self) -> int:
        """Draw and return 0."""
        status(f"drawing the curves of {self.run_folder}")
        from pretrain.monitoring.curves import plot_curves

        print(f"wrote {plot_curves(self.run_folder, self.out)}")
        return 0
