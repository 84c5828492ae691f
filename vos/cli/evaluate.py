"""The verb `vos evaluate`: score predicted masks."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vos.evaluation.rules import ScoringRules
from vos.runtime.progress import CountProgress

if TYPE_CHECKING:
    from vos.datasets.dataset import Dataset
    from vos.evaluation.scores import Evaluation


@dataclass(frozen=True)
class Evaluate:
    """Score predicted masks: J, F and J&F.

    Two folders are enough: predicted masks and true masks, each with one folder of indexed PNGs
    for each sequence. DAVIS, YouTube-VOS, MOSE and LVOS folders are recognised.

    Example: vos evaluate out/predictions DAVIS --set val -o scores
    """

    predictions: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PREDICTIONS")]
    """Folder of predicted masks: a folder for each sequence, PNGs named as the true ones."""
    ground_truth: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="TRUTH")]
    """A dataset's folder, or a folder of true masks."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Write the reports here: the two official CSV files, per-frame.csv and results.json.
    Without it, nothing is written."""
    set: str = "val"
    """The set of a benchmark: train, val, ..."""
    sequences: tuple[str, ...] = ()
    """Score these sequences only."""
    year: Literal[2016, 2017] = 2017
    """DAVIS 2016 takes all objects of a sequence as one."""
    resolution: str = "480p"
    """Of DAVIS: 480p or Full-Resolution."""
    processes: int | None = None
    """Worker processes. None: one for each core."""
    cross_check: bool = False
    """Score with davis2017-evaluation too (extra `davis`); fail if a figure differs."""
    rules: Annotated[ScoringRules, tyro.conf.arg(name="scoring")] = field(
        default_factory=ScoringRules
    )

    def run(self) -> int:
        """Score, print and write; return 0, or 1 if the cross-check finds a difference.

        What is lacking is found first: scoring takes minutes.
        """
        dataset = self._dataset()
        if self.cross_check:
            from vos.evaluation.cross_check import check_possible

            check_possible(dataset, self.rules)
        if self.out is not None:
            from vos.evaluation.reports import check_folder

            check_folder(self.out)
        evaluation = self._evaluate(dataset)
        from vos.evaluation.reports import score_lines, write_reports

        print("\n".join(score_lines(evaluation)))
        if self.out is not None:
            for path in write_reports(evaluation, self.out):
                print(f"wrote {path}")
        return self._check(evaluation) if self.cross_check else 0

    def _dataset(self) -> Dataset:
        from vos.datasets.loading import load_dataset

        return load_dataset(
            self.ground_truth,
            self.set,
            task=self.rules.task,
            year=self.year,
            resolution=self.resolution,
            sequences=self.sequences,
            images=False,
        )

    def _evaluate(self, dataset: Dataset) -> Evaluation:
        from vos.evaluation.evaluate import evaluate

        with ExitStack() as stack:
            return evaluate(
                self.predictions,
                dataset,
                rules=self.rules,
                processes=self.processes,
                on_progress=CountProgress(stack, "scoring"),
            )

    def _check(self, evaluation: Evaluation) -> int:
        from vos.evaluation.cross_check import cross_check

        differences = cross_check(evaluation, self.predictions, self.ground_truth)
        for text in differences:
            print(f"cross-check: {text}", file=sys.stderr)
        if not differences:
            print("cross-check: davis2017-evaluation gives the same figures")
        return 1 if differences else 0
