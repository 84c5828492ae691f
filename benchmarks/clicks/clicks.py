"""Clicks to a mask of one object in one frame, with frozen features.

The protocol is that of interactive segmentation (N. Xu et al. 2016, K. Sofiiuk et al. 2021): clicks
are put where the mask is most wrong, until it overlaps the truth well enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from benchmarks.features.options import load_for_team
from vos.backbones.loading import BackboneOptions
from vos.errors import InputError
from vos.runtime.progress import status

if TYPE_CHECKING:
    from vos.datasets.dataset import Dataset


@dataclass(frozen=True)
class Clicks:
    """Clicks to a mask: how many until its IoU is .85 and .90, beside methods of colour alone.

    The clicks are simulated: each is put at the centre of the larger region that is missing or too
    much. Run again after a stop, it keeps whole sequences and goes on.

    Example: vos-bench clicks --data DAVIS --backbone dino_vits8 -o runs/clicks
    """

    data: Path
    """DAVIS folder (JPEGImages, Annotations, ImageSets). YouTube-VOS, MOSE and LVOS are known."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to."""
    set: str = "val"
    """The set: val, train, ..."""
    year: Literal[2016, 2017] = 2017
    """DAVIS 2016 takes all objects of a sequence as one."""
    resolution: str = "480p"
    """Of DAVIS: 480p, Full-Resolution (2017) or 1080p (2016)."""
    sequences: tuple[str, ...] = ()
    """Take these sequences only."""
    every: int = 10
    """Take every n-th annotated frame."""
    most: int = 20
    """Clicks on an object at most; where a mark is not reached, they count as so many."""
    baselines: bool = True
    """Measure cv2.grabCut and scikit-image's random walker on colours too."""
    baseline_short_side: int = 240
    """Pixels of the shorter side that these see; 0: all, which takes many times as long."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    overwrite: bool = False
    """Replace the run in the output folder."""

    def run(self) -> int:
        """Measure and report; return 1 if a sequence failed."""
        low = {"every": 1, "most": 1, "baseline_short_side": 0}
        for name, least in low.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; expected at least {least}")
        from benchmarks.clicks.clicks_run import ClicksRun, Measurement
        from vos.runtime.distributed import team

        with team() as processes:
            if processes.leads:
                status(f"reading the list of sequences of {self.data}")
            dataset = processes.from_leader(self._dataset)
            backbone = load_for_team(self.backbone, processes)
            short_side = self.baseline_short_side if self.baselines else None
            measurement = Measurement(self.every, self.most, short_side)
            with processes.own_folder(self.out):
                run = ClicksRun(self.out, dataset, backbone, measurement, self.resolution)
                return run.run(processes, overwrite=self.overwrite)

    def _dataset(self) -> Dataset:
        from vos.datasets.loading import load_dataset
        from vos.evaluation.evaluate import withheld_message

        dataset = load_dataset(
            self.data,
            self.set,
            year=self.year,
            resolution=self.resolution,
            sequences=self.sequences,
        )
        if dataset.withheld:
            raise InputError(withheld_message(dataset))
        return dataset
