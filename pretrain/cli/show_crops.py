"""`vos-pretrain show-crops`: crops as training sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from pretrain.config.presets import preset
from pretrain.sources.options import SourceOptions, require_data
from vos.runtime.progress import status

_CAPTION = 20  # characters of a name that stand beside its row


def caption(name: str) -> str:
    """Return the last part of a sample's name, cut to what fits beside a row of crops."""
    last = name.replace("\\", "/").rpartition("/")[2].encode("ascii", "replace").decode()
    return last if len(last) <= _CAPTION else f"...{last[3 - _CAPTION :]}"


@dataclass(frozen=True)
class ShowCrops:
    """Draw the crops of some images as training sees them, a row an image, with captions.

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
        samples = [dataset[self.seed, at, int(index)] for at, index in enumerate(chosen)]
        names = [
            # A file that cannot be read has another one in its place.
            "(a replacement)" if sample.broken else caption(mixture.name(int(index)))
            for sample, index in zip(samples, chosen, strict=True)
        ]
        columns = ["global 1", "global 2"]
        columns += [f"local {i + 1}" for i in range(config.local_crops_number)]
        sheet = crops_sheet(
            [sample.crops for sample in samples], row_captions=names, column_captions=columns
        )
        write_png(self.out, sheet)
        print(f"wrote {self.out}")
        return 0
