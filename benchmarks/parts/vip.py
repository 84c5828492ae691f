"""Parts of people propagated through the videos of VIP with frozen features.

Q. Zhou et al., ACM Multimedia 2018; the settings are those of A. Gupta et al. 2023, "Siamese Masked
Autoencoders" (arXiv 2305.14344), as CropMAE's program has them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from benchmarks.features.options import load_for_team
from vos.backbones.loading import BackboneOptions
from vos.propagation.config import PropagationConfig
from vos.propagation.presets import PRESETS
from vos.runtime.progress import status

if TYPE_CHECKING:
    from vos.datasets.dataset import Dataset

_PRESET = "siammae-vip"


@dataclass(frozen=True)
class Vip:
    """Parts of people on VIP: mean IoU of the first frame's parts, propagated.

    Run again after a stop, it keeps whole videos and goes on. `torchrun --no-python
    --nproc-per-node N vos-bench vip ...` shares the videos out among N processes, the longest
    first.

    Example: vos-bench vip --data VIP_Fine --backbone dino_vits16 -o runs/vip
    """

    data: Path
    """VIP_Fine folder (Images, Annotations/Category_ids, lists)."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to."""
    set: str = "val"
    """The set: val or train."""
    sequences: tuple[str, ...] = ()
    """Take these videos only."""
    preset: str = _PRESET
    """Start from the settings of published code for masks. Other options change single values."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    propagation: PropagationConfig = field(default_factory=lambda: PRESETS[_PRESET].propagation)
    feature_cache: Path | None = None
    """Keep the features of all frames in this folder, for other runs with the same backbone."""
    overwrite: bool = False
    """Replace the run in the output folder."""

    def run(self) -> int:
        """Make masks, score and report; return 1 if a video failed."""
        from benchmarks.davis.run_folder import RunFolder
        from benchmarks.parts.vip_run import run_vip
        from vos.features.cache import CachedBackbone
        from vos.runtime.distributed import team

        with team() as processes:
            if processes.leads:
                status(f"reading {self.data}")
            dataset = processes.from_leader(self._dataset)
            backbone = load_for_team(self.backbone, processes)
            if self.feature_cache is not None:
                backbone = CachedBackbone(backbone, self.feature_cache)
            with processes.own_folder(self.out):
                return run_vip(
                    dataset,
                    backbone,
                    RunFolder(self.out),
                    processes,
                    self.propagation,
                    overwrite=self.overwrite,
                )

    def _dataset(self) -> Dataset:
        from vos.datasets.vip import open_vip

        return open_vip(self.data, self.set, sequences=self.sequences)
