"""Choose propagation settings: a grid over them, with the features computed once.

Features do not depend on context, radius, k and temperature, so a point of the grid costs the
propagation alone. Choose on the train set; figures on val are then what they claim to be.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from benchmarks.davis.grid import parse_grid
from benchmarks.features.options import load_for_team
from vos.backbones.loading import BackboneOptions
from vos.errors import InputError
from vos.propagation.config import PropagationConfig
from vos.runtime.progress import status

if TYPE_CHECKING:
    from vos.datasets.dataset import Dataset

_FEATURES = "features"


@dataclass(frozen=True)
class Sweep:
    """Score every combination of propagation settings on a train set.

    Features are computed once for each frame and kept on disk in bf16. Run again after a stop,
    it goes on.

    Example: vos-bench sweep --data DAVIS --grid topk=5,10 temperature=0.05,0.1 -o runs/sweep
    """

    data: Path
    """DAVIS folder."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to: a folder for each combination, sweep.csv and sweep.json."""
    grid: tuple[str, ...]
    """Fields of the propagation with their values: topk=5,10 temperature=0.05,0.1."""
    set: str = "train"
    """The set. Choose on train, never on val."""
    year: Literal[2016, 2017] = 2017
    """DAVIS 2016 takes all objects of a sequence as one."""
    resolution: str = "480p"
    """Of DAVIS: 480p, Full-Resolution (2017) or 1080p (2016)."""
    sequences: tuple[str, ...] = ()
    """Take these sequences only."""
    first_frames: int | None = None
    """Take so many frames of each sequence, to save time."""
    feature_cache: Path | None = None
    """Folder for the features. Without it, `features` in the output folder."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    propagation: PropagationConfig = field(default_factory=PropagationConfig)
    processes: int | None = None
    """Worker processes of the scoring. None: one for each core."""

    def run(self) -> int:
        """Run the grid and print the combinations, the best first."""
        points = parse_grid(self.grid)
        configs = [replace(self.propagation, **point) for point in points]
        if self.first_frames is not None and self.first_frames < 3:
            raise InputError(f"first_frames is {self.first_frames}; give 3 or more")
        if self.set != "train":
            print(
                f"note: settings chosen on {self.set} make figures on {self.set} look better than "
                "they are; choose on train",
                file=sys.stderr,
            )
        from benchmarks.davis.sweep_run import SweepRun
        from vos.features.cache import CachedBackbone
        from vos.runtime.distributed import team

        with team() as processes:
            if processes.leads:
                status(f"reading the list of sequences of {self.data}")
            dataset = processes.from_leader(self._dataset)
            loaded = load_for_team(self.backbone, processes)
            with processes.own_folder(self.out):
                cache = self.feature_cache or self.out / _FEATURES
                sweep = SweepRun(
                    self.out,
                    dataset,
                    CachedBackbone(loaded, cache, "bf16"),
                    processes,
                    subset=self.set,
                    resolution=self.resolution,
                    first_frames=self.first_frames,
                    sequences=self.sequences,
                    scoring_processes=self.processes,
                )
                return sweep.run(points, configs)

    def _dataset(self) -> Dataset:
        from benchmarks.davis.run_folder import check_prompts
        from benchmarks.davis.sweep_run import first_frames
        from vos.datasets.loading import load_dataset
        from vos.evaluation.evaluate import withheld_message

        dataset = load_dataset(
            self.data,
            self.set,
            year=self.year,
            resolution=self.resolution,
            sequences=self.sequences,
        )
        if self.first_frames is not None:
            cut = tuple(first_frames(s, self.first_frames) for s in dataset.sequences)
            dataset = replace(dataset, sequences=cut)
        if dataset.withheld:
            raise InputError(withheld_message(dataset))
        check_prompts(dataset)
        return dataset
