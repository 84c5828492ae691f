"""The verb `vos evaluate`: score predicted masks."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from vos.datasets.loading import load_dataset
from vos.evaluation.cross_check import cross_check
from vos.evaluation.evaluate import evaluate
from vos.evaluation.reports import score_lines, write_reports
from vos.evaluation.rules import ScoringRules
from vos.evaluation.scores import Evaluation
from vos.runtime.progress import progress


@dataclass(frozen=True)
class Evaluate:
    """Score predicted masks: J, F and J&F.

    Two folders are enough: predicted masks and true masks, each with one folder of indexed PNGs
    for each sequence. DAVIS, YouTube-VOS, MOSE and LVOS folders are recognised.
    """

    predictions: tyro.conf.Positional[Path]
    """Folder of predicted masks: a folder for each sequence, PNGs named as the true ones."""
    ground_truth: tyro.conf.Positional[Path]
    """A dataset's folder, or a folder of true masks."""
    set: str = "val"
    """The set of a benchmark: train, val, ..."""
    task: Literal["semi-supervised", "unsupervised"] = "semi-supervised"
    """Objects given by the first mask, or proposals matched to the true objects."""
    sequences: tuple[str, ...] = ()
    """Score these sequences only."""
    first_last: Literal["skip", "keep"] | None = None
    """Whether the first and the last annotated frame count. None: skip them in the
    semi-supervised task, keep them in the unsupervised one, as the protocols say."""
    missing: Literal["error", "empty"] = "error"
    """Frames without a predicted mask: an error, or counted as empty masks."""
    extra_objects: Literal["error", "ignore"] = "error"
    """Predicted ids that are no object of the sequence: an error, or background."""
    year: Literal[2016, 2017] = 2017
    """DAVIS 2016 takes all objects of a sequence as one."""
    resolution: str = "480p"
    """Of DAVIS: 480p or Full-Resolution."""
    processes: int | None = None
    """Worker processes. None: one for each core."""
    out: Path | None = None
    """Write the reports here: the two official CSV files, per-frame.csv and results.json.
    Without it, nothing is written."""
    cross_check: bool = False
    """Score with davis2017-evaluation too (extra `davis`); fail if a figure differs."""

    def run(self) -> int:
        """Score, print and write; return 0, or 1 if the cross-check finds a difference."""
        rules = ScoringRules(self.task, self.first_last, self.missing, self.extra_objects)
        evaluation = self._evaluate(rules)
        print("\n".join(score_lines(evaluation)))
        if self.out is not None:
            for path in write_reports(evaluation, self.out):
                print(f"wrote {path}")
        return self._check(evaluation) if self.cross_check else 0

    def _evaluate(self, rules: ScoringRules) -> Evaluation:
        dataset = load_dataset(
            self.ground_truth,
            self.set,
            task=self.task,
            year=self.year,
            resolution=self.resolution,
            sequences=self.sequences,
            images=False,
        )
        total = sum(len(rules.scored_frames(s)) for s in dataset.sequences)
        done = 0
        with progress("scoring", total, "frames") as advance:

            def count(frames: int, _total: int) -> None:
                nonlocal done
                advance(frames - done)
                done = frames

            return evaluate(
                self.predictions,
                dataset,
                rules=rules,
                processes=self.processes,
                on_progress=count,
            )

    def _check(self, evaluation: Evaluation) -> int:
        differences = cross_check(evaluation, self.predictions, self.ground_truth)
        for text in differences:
            print(f"cross-check: {text}", file=sys.stderr)
        if not differences:
            print("cross-check: davis2017-evaluation gives the same figures")
        return 1 if differences else 0
