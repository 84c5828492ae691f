"""`vos-pretrain show-crops`: crops as training sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from pretrain.config.presets import preset
from pretrain.sources.options import SourceOptions, require_data
from vos.runtime.progress import status


@dataclass(frozen=True)
class ShowCrops:
    """Draw the crops of some images as training sees them, a row an image, global crops first.

    Example: vos-pretrain show-crops photos/ -o crops.png
    """

    data_path: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="DATA [DATA ...]")
    ]
    """Folders, archives, shards, videos, as for `train`."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("crops.png")
    """Picture to write."""
    preset: str = "dino_vits16"
    """Recipe whose crops are drawn."""
    images: int = 8
    """Rows."""
    seed: int = 0
    """Of the images and the crops."""
    sources: Annotated[SourceOptions, tyro.conf.arg(name="data")] = field(
        default_factory=SourceOptions
    )

    def run(self) -> int:
        """Write the picture and return 0."""
        require_data(self.data_path)
        config = preset(self.preset)
        status(f"reading the list of images in {', '.join(self.data_path)}")
        import numpy as np

        from pretrain.data.dataset import CropDataset
        from pretrain.sources.mixture import Mixture
        from vos.files import write_png
        from vos.visualization.sheets import crops_sheet

        mixture = Mixture(self.data_path, options=self.sources)
        dataset = CropDataset(mixture, config, colors=True)
        chosen = np.random.default_rng(self.seed).choice(
            len(mixture), min(self.images, len(mixture)), replace=False
        )
        views = [dataset[self.seed, at, int(index)].crops for at, index in enumerate(chosen)]
        write_png(self.out, crops_sheet(views))
        print(f"wrote {self.out}")
        return 0
