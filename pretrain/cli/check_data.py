"""`vos-pretrain check-data`: read all data once and report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from pretrain.sources.inspection import check_data, write_report
from pretrain.sources.mixture import Mixture, SourceOptions
from vos.runtime.progress import progress


@dataclass(frozen=True)
class CheckData:
    """Read all data once: counts, sizes, broken files, a contact sheet."""

    data_path: tyro.conf.Positional[tuple[str, ...]]
    """Folders, archives, shards, videos, as for `train`."""
    out: Path = Path("runs/check-data")
    """Folder for data.json and contact_sheet.png."""
    crop_size: int = 224
    """Side of a global crop, to count images that are smaller."""
    options: SourceOptions = field(default_factory=SourceOptions)

    def run(self) -> int:
        """Report, and return 0, or 1 if files are broken."""
        mixture = Mixture(self.data_path, options=self.options)
        with progress("reading", len(mixture), "images") as advance:
            report, sheet = check_data(mixture, self.crop_size, advance)
        write_report(self.out, report, sheet)
        print(mixture.describe())
        print("\n".join(report.lines()))
        for name, why in list(report.broken.items())[:20]:
            print(f"broken: {name}: {why}")
        print(f"all of it is in {self.out}")
        return 1 if report.broken else 0
