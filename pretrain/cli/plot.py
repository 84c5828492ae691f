"""`vos-pretrain plot`: the curves of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from pretrain.monitoring.curves import plot_curves


@dataclass(frozen=True)
class Plot:
    """Draw the curves of a run to curves.png in its folder."""

    run_folder: tyro.conf.Positional[Path]
    """Folder of the run."""

    def run(self) -> int:
        """Draw and return 0."""
        print(f"wrote {plot_curves(self.run_folder)}")
        return 0
