"""The verbs around a training run: export, check-data, show-crops, plot."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from pretrain.config.presets import preset
from pretrain.data.dataset import CropDataset
from pretrain.monitoring.curves import plot_curves
from pretrain.sources.inspection import check_data, write_report
from pretrain.sources.mixture import Mixture, SourceOptions
from pretrain.training.export import Format, export_backbone
from vos.runtime.progress import progress
from vos.video.images import write_image
from vos.visualization.sheets import crops_sheet


@dataclass(frozen=True)
class Export:
    """Write the backbone of a run's teacher, for `vos`, timm and other tools."""

    run_folder: tyro.conf.Positional[Path]
    """Folder of the run, or one of its checkpoints."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """File to write. None: backbone.safetensors or backbone.pth beside the run's checkpoints."""
    format: Format = "safetensors"
    """safetensors: timm's layout with metadata. pth: the published plain state dict."""
    licence: str = ""
    """Terms of use, written into the metadata."""

    def run(self) -> int:
        """Write the file and return 0."""
        folder = self.run_folder if self.run_folder.is_dir() else self.run_folder.parent
        target = self.out or folder / f"backbone.{self.format}"
        metadata = export_backbone(self.run_folder, target, self.format, self.licence)
        print(f"wrote {target}: {metadata['arch']}, {metadata['epochs']} epochs")
        return 0


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


@dataclass(frozen=True)
class ShowCrops:
    """Draw the crops of some images as training sees them, a row an image, global crops first."""

    data_path: tyro.conf.Positional[tuple[str, ...]]
    """Folders, archives, shards, videos, as for `train`."""
    out: Path = Path("crops.png")
    """Picture to write."""
    preset: str = "dino_vits16"
    """Recipe whose crops are drawn."""
    images: int = 8
    """Rows."""
    seed: int = 0
    """Of the images and the crops."""

    def run(self) -> int:
        """Write the picture and return 0."""
        mixture = Mixture(self.data_path)
        dataset = CropDataset(mixture, preset(self.preset), colors=True)
        chosen = np.random.default_rng(self.seed).choice(
            len(mixture), min(self.images, len(mixture)), replace=False
        )
        views = [dataset[self.seed, at, int(index)].crops for at, index in enumerate(chosen)]
        write_image(self.out, crops_sheet(views))
        print(f"wrote {self.out}")
        return 0


@dataclass(frozen=True)
class Plot:
    """Draw the curves of a run to curves.png in its folder."""

    run_folder: tyro.conf.Positional[Path]
    """Folder of the run."""

    def run(self) -> int:
        """Draw and return 0."""
        print(f"wrote {plot_curves(self.run_folder)}")
        return 0
