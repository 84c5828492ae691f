"""`vos-pretrain show-crops`: crops as training sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from pretrain.config.presets import preset
from pretrain.data.dataset import CropDataset
from pretrain.sources.mixture import Mixture
from vos.video.images import write_image
from vos.visualization.sheets import crops_sheet


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
