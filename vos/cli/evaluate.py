"""The verb `vos evaluate`: score predicted masks, of one method or of several."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vos.errors import InputError
from vos.evaluation.rules import ScoringRules
from vos.runtime.progress import CountProgress

if TYPE_CHECKING:
    from vos.datasets.dataset import Dataset
    from vos.evaluation.scores import Evaluation


@dataclass(frozen=True)
class Evaluate:
    """Score predicted masks: J, F and J&F.

    Two folders are enough: predicted masks and true masks, each with one folder of indexed PNGs
    for each sequence. DAVIS, YouTube-VOS, MOSE and LVOS folders are recognised. Several folders of
    predictions give a table at the end.

    Example: vos evaluate out/predictions DAVIS --set val -o scores
    """

    folders: Annotated[
        tyro.conf.Positional[tuple[Path, ...]],
        tyro.conf.arg(metavar="PREDICTIONS [PREDICTIONS ...] TRUTH"),
    ]
    """Folders of predicted masks: a folder for each sequence, PNGs named as the true ones. The last
    folder is the truth: a dataset's folder, or a folder of true masks."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Write the reports here: the two official CSV files, per-frame.csv and results.json. Those of
    several predictions lie each in a folder of its name, beside scores.csv. Without it, nothing is
    written."""
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
        if len(self.folders) < 2:
            raise InputError("give a folder of predicted masks, and then that of the true ones")
        *predictions, truth = self.folders
        names = _names(predictions)
        dataset = self._dataset(truth)
        for folder in predictions:
            _check_folder(folder)
        if self.cross_check:
            from vos.evaluation.cross_check import check_possible

            check_possible(dataset, self.rules)
        if self.out is not None:
            from vos.evaluation.reports import check_folder

            check_folder(self.out)
        status, scored = 0, []
        for name, folder in zip(names, predictions, strict=True):
            if len(predictions) > 1:
                print(f"{name}: {folder}")
            evaluation = self._evaluate(folder, dataset)
            scored.append((name, evaluation))
            status |= self._report(evaluation, folder, truth, name if len(names) > 1 else "")
        if len(predictions) > 1:
            self._summarize(scored)
        return status

    def _report(self, evaluation: Evaluation, folder: Path, truth: Path, name: str) -> int:
        """Print and write one folder's scores; return 1 if the cross-check finds a difference."""
        from vos.evaluation.reports import score_lines, write_reports

        print("\n".join(score_lines(evaluation)))
        if name:
            print()
        if self.out is not None:
            for path in write_reports(evaluation, self.out / name):
                print(f"wrote {path}")
        return self._check(evaluation, folder, truth) if self.cross_check else 0

    def _summarize(self, scored: Sequence[tuple[str, Evaluation]]) -> None:
        """Print and write the table of several folders."""
        from vos.evaluation.reports import summary_lines, write_summary

        print("\n".join(summary_lines(scored)))
        if self.out is not None:
            print(f"wrote {write_summary(scored, self.out)}")

    def _dataset(self, truth: Path) -> Dataset:
        from vos.datasets.loading import load_dataset

        return load_dataset(
            truth,
            self.set,
            task=self.rules.task,
            year=self.year,
            resolution=self.resolution,
            sequences=self.sequences,
            images=False,
        )

    def _evaluate(self, predictions: Path, dataset: Dataset) -> Evaluation:
        from vos.evaluation.evaluate import evaluate

        with ExitStack() as stack:
            return evaluate(
                predictions,
                dataset,
                rules=self.rules,
                processes=self.processes,
                on_progress=CountProgress(stack, "scoring"),
            )

    def _check(self, evaluation: Evaluation, predictions: Path, truth: Path) -> int:
        from vos.evaluation.cross_check import cross_check

        differences = cross_check(evaluation, predictions, truth)
        for text in differences:
            print(f"cross-check: {text}", file=sys.stderr)
        if not differences:
            print("cross-check: davis2017-evaluation gives the same figures")
        return 1 if differences else 0


def _check_folder(folder: Path) -> None:
    """Refuse what is no folder before anything is scored.

    Raises:
        InputError: it is none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of predicted masks")


def _names(folders: Sequence[Path]) -> list[str]:
    """Return a name for each folder, unlike the others': the ends of their paths.

    Raises:
        InputError: one is given twice.
    """
    parts = [folder.resolve().parts for folder in folders]
    if len(set(parts)) < len(parts):
        twice = next(folder for folder, p in zip(folders, parts, strict=True) if parts.count(p) > 1)
        raise InputError(f"{twice}: this folder of predictions is given twice")
    length = 1
    while len({path[-length:] for path in parts}) < len(parts):
        length += 1
    joined = ["_".join(part.strip("/\\") for part in path[-length:]) for path in parts]
    same = {name for name in joined if joined.count(name) > 1}  # of a_b/c and a/b_c
    return [f"{place}_{n}" if n in same else n for place, n in enumerate(joined, start=1)]
