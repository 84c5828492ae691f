"""`vos-pretrain check-data`: read all data once and report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from pretrain.sources.options import SourceOptions, require_data
from vos.runtime.progress import status


@dataclass(frozen=True)
class CheckData:
    """Read all data once: counts, sizes, broken files, a contact sheet.

    Example: vos-pretrain check-data photos/
    """

    data_path: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="DATA [DATA ...]")
    ]
    """Folders, archives, shards, videos, as for `train`."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/check-data")
    """Folder for data.json and contact_sheet.png."""
    crop_size: int = 224
    """Side of a global crop, to count images that are smaller."""
    options: Annotated[SourceOptions, tyro.conf.arg(name="data")] = field(
        default_factory=SourceOptions
    )

    def run(self) -> int:
        """Report, and return 0, or 1 if files are broken."""
        require_data(self.data_path)
        status(f"reading the list of images in {', '.join(self.data_path)}")
        from pretrain.sources.inspection import check_data, write_report
        from pretrain.sources.mixture import Mixture
        from vos.runtime.progress import progress

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
