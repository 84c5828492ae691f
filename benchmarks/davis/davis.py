"""Table 5: video object segmentation on DAVIS 2017 with frozen features.

M. Caron et al. 2021 (arXiv 2104.14294), section 4.2.1. One command makes the masks, scores them
and writes the report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from benchmarks.features.options import load_for_team
from vos.backbones.loading import BackboneOptions
from vos.errors import InputError
from vos.propagation.config import PropagationConfig
from vos.runtime.progress import status

if TYPE_CHECKING:
    from vos.backbones.backbone import Backbone
    from vos.datasets.dataset import Dataset
    from vos.runtime.distributed import Team


@dataclass(frozen=True)
class Davis:
    """Table 5: make the masks of DAVIS's sequences, score them, and report.

    Run again after a stop, it keeps whole sequences and goes on. `torchrun --no-python
    --nproc-per-node N vos-bench davis ...` shares the sequences out among N processes, the longest
    first; on several machines, --data and -o are the same shared folders.

    Example: vos-bench davis --data DAVIS --backbone dino_vits8 -o runs/davis
    """

    data: Path | None = None
    """DAVIS folder (JPEGImages, Annotations, ImageSets). YouTube-VOS, MOSE and LVOS are known."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Folder to write to; with --compare, an HTML file."""
    compare: tuple[Path, Path] | None = None
    """Make no run: set two finished ones side by side, as `vos-bench compare` does."""
    set: str = "val"
    """The set: val, train, ..."""
    year: Literal[2016, 2017] = 2017
    """DAVIS 2016 takes all objects of a sequence as one."""
    resolution: str = "480p"
    """Of DAVIS: 480p, Full-Resolution (2017) or 1080p (2016)."""
    sequences: tuple[str, ...] = ()
    """Take these sequences only."""
    preset: str = ""
    """Start from the settings of published code: dino-davis (the default), dinov3-davis,
    siammae-davis or siammae-vip. Other options change single values of it, and --help shows the
    values of the preset that is given before it."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    propagation: PropagationConfig = field(default_factory=PropagationConfig)
    feature_cache: Path | None = None
    """Keep the features of all frames in this folder, for other runs with the same backbone."""
    processes: int | None = None
    """Worker processes of the scoring. None: one for each core."""
    submission: Path | None = None
    """Pack the masks into this zip file as the set's server takes them (YouTube-VOS, MOSE, DAVIS
    test sets). A set whose truth is withheld is not scored."""
    overwrite: bool = False
    """Replace the run in the output folder."""

    def run(self) -> int:
        """Make masks, score and report, or compare; return 1 if a sequence failed."""
        if self.compare is not None:
            from benchmarks.davis.compare import Compare

            if self.data is not None or self.overwrite or self.submission is not None:
                raise InputError(
                    "--compare A B sets finished runs side by side; of the other options it "
                    "takes -o FILE.html alone"
                )
            return Compare(self.compare, out=self.out).run()
        if self.data is None or self.out is None:
            raise InputError("give --data DAVIS and -o FOLDER, or two runs (--compare A B)")
        return self._run(self.data, self.out)

    def _run(self, data: Path, out: Path) -> int:
        from benchmarks.davis.davis_run import run_davis
        from vos.evaluation.submission import check_submission
        from vos.runtime.distributed import team

        if self.submission is not None:
            check_submission(self.submission)
        with team() as processes:
            if processes.leads:
                status(f"reading the list of sequences of {data}")
            dataset = processes.from_leader(partial(self._dataset, data))
            with processes.own_folder(out):
                return run_davis(
                    dataset,
                    self._backbone(processes),
                    out,
                    processes,
                    resolution=self.resolution,
                    config=self.propagation,
                    overwrite=self.overwrite,
                    scoring_processes=self.processes,
                    submission=self.submission,
                )

    def _dataset(self, data: Path) -> Dataset:
        from benchmarks.davis.run_folder import check_prompts
        from benchmarks.reporting.advice import SCORING_OPTIONS, options_explained
        from vos.datasets.loading import load_dataset
        from vos.evaluation.rules import ScoringRules

        dataset = load_dataset(
            data,
            self.set,
            year=self.year,
            resolution=self.resolution,
            sequences=self.sequences,
        )
        check_prompts(dataset)
        if not dataset.withheld:
            with options_explained(SCORING_OPTIONS):
                for sequence in dataset.sequences:
                    ScoringRules().scored_frames(sequence)  # there is something to score in each
        return dataset

    def _backbone(self, processes: Team) -> Backbone:
        from vos.features.cache import CachedBackbone

        backbone = load_for_team(self.backbone, processes)
        if self.feature_cache is None:
            return backbone
        return CachedBackbone(backbone, self.feature_cache)
