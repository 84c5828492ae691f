"""Rounds of corrections: how masks of a video improve by one click a round.

The loop is that of the DAVIS interactive challenge (S. Caelles et al. 2018, arXiv 1803.00557), with
clicks in the place of scribbles.
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
class Rounds:
    """J&F after each round of a correction on the worst frame and propagation in both directions.

    The object and the frame with the lowest J get a click where the mask is most wrong, or several
    (--clicks); the mask that they give becomes a prompt for that frame. Run again after a stop, it
    keeps whole sequences and goes on.

    Example: vos-bench rounds --data DAVIS --backbone dino_vits8 -o runs/rounds
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
    rounds: int = 5
    """Corrections, one after the other."""
    clicks: int = 1
    """Clicks of a correction at most; fewer where an IoU of .90 is reached before."""
    first: Literal["given", "clicks"] = "given"
    """The masks to start with: given, as the truth has them; or made of simulated clicks."""
    first_clicks: int = 3
    """Clicks on each object at most that make its first mask; fewer where an IoU of .90 is
    reached before."""
    modes: tuple[Literal["protocol", "adaptive"], ...] = ("protocol", "adaptive")
    """The modes of the propagation, each measured by itself."""
    short_side: int = 480
    """Pixels of the shorter side of what the network sees; 0 keeps the frame's size."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    feature_cache: Path | None = None
    """Keep the features of all frames in this folder, for other runs with the same backbone. None:
    in the output folder, until the run is complete."""
    overwrite: bool = False
    """Replace the run in the output folder."""

    def run(self) -> int:
        """Measure and report; return 1 if a sequence failed."""
        low = {"rounds": 0, "clicks": 1, "first_clicks": 1, "short_side": 0}
        for name, least in low.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; expected at least {least}")
        if not self.modes or len(self.modes) > len(dict.fromkeys(self.modes)):
            raise InputError(
                f"modes are {self.modes}; expected each at most once, and one at least"
            )
        from benchmarks.rounds.correction_loop import RoundRules
        from benchmarks.rounds.rounds_run import RoundsRun
        from vos.features.cache import CachedBackbone
        from vos.runtime.distributed import team

        with team() as processes:
            if processes.leads:
                status(f"reading the list of sequences of {self.data}")
            dataset = processes.from_leader(self._dataset)
            backbone = load_for_team(self.backbone, processes)
            rules = RoundRules(
                self.rounds,
                self.first,
                self.first_clicks,
                self.modes,
                self.short_side,
                self.clicks,
            )
            with processes.own_folder(self.out):
                run = RoundsRun(self.out, dataset, backbone, rules, self.resolution)
                if self.feature_cache is not None:
                    run.features = CachedBackbone(backbone, self.feature_cache)
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
