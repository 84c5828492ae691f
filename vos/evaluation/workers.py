"""Score a folder of predicted masks against a ground truth: J, F and J&F of DAVIS.

J. Pont-Tuset et al., DAVIS 2017 (arXiv 1704.00675), section 4. The figures are those of the
official evaluation. Where that one cannot go, this one does:

- sequences of more than 256 frames have the right decay (its positions are 8 bit);
- ids need not be consecutive: an object is an id that the first mask has, and no other number;
- an object that the predictions never show counts as empty; a predicted id that is no object is
  an error that names sequence, frame and id, or background if asked for;
- outside DAVIS, objects may appear later: they count from the frame after their first.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing.context import BaseContext
from pathlib import Path

import cv2
import numpy as np

from vos.datasets.dataset import Dataset
from vos.datasets.loading import load_dataset
from vos.datasets.sequence import VideoSequence
from vos.errors import InputError
from vos.metrics import Statistics
from vos.scores import ObjectScore, Predictions, ScoringRules, SequenceScore, missing_message
from vos.scoring import score_sequence

OnProgress = Callable[[int, int], None]
"""Called with (frames done, frames in all) after each sequence."""


@dataclass(frozen=True)
class Evaluation:
    """The scores of a set: per sequence, per object, and over all objects."""

    dataset: str
    subset: str
    rules: ScoringRules
    sequences: tuple[SequenceScore, ...]

    @property
    def objects(self) -> tuple[ObjectScore, ...]:
        """All objects, in the order of the sequences."""
        return tuple(o for sequence in self.sequences for o in sequence.objects)

    @cached_property
    def j(self) -> Statistics:
        """Mean, recall and decay of J, each the mean over the objects."""
        return _over_objects([o.j for o in self.objects])

    @cached_property
    def f(self) -> Statistics:
        """Mean, recall and decay of F, each the mean over the objects."""
        return _over_objects([o.f for o in self.objects])

    @property
    def jf_mean(self) -> float:
        """J&F: the mean of mean J and mean F."""
        return (self.j.mean + self.f.mean) / 2

    def __getitem__(self, sequence: str) -> SequenceScore:
        for score in self.sequences:
            if score.name == sequence:
                return score
        raise KeyError(sequence)


def _over_objects(values: list[Statistics]) -> Statistics:
    return Statistics(
        float(np.mean([v.mean for v in values])),
        float(np.mean([v.recall for v in values])),
        float(np.mean([v.decay for v in values])),
    )


def evaluate(
    predictions: str | Path,
    ground_truth: str | Path | Dataset,
    *,
    subset: str = "val",
    rules: ScoringRules | None = None,
    year: int = 2017,
    resolution: str = "480p",
    sequences: Iterable[str] = (),
    processes: int | None = None,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Score predicted masks: indexed PNGs, a folder for each sequence, named as the truth's.

    Args:
        predictions: folder of sequence folders; of PNGs if the truth is one sequence.
        ground_truth: a dataset's folder, a folder of sequence folders, or an opened dataset
            (then `subset`, `year`, `resolution` and `sequences` play no part).
        subset: the set of a benchmark.
        rules: the task and what is done about masks that do not fit; None is semi-supervised
            with nothing let pass.
        year: 2016 makes all objects of a DAVIS sequence one.
        resolution: of DAVIS.
        sequences: the sequences to score; empty scores all.
        processes: worker processes; None is one for each core.
        on_progress: called after each sequence.

    Raises:
        InputError: a folder, masks or frames are missing or cannot be used; all missing frames
            are listed before anything is scored.
    """
    rules = rules or ScoringRules()
    dataset = ground_truth
    if not isinstance(dataset, Dataset):
        dataset = load_dataset(
            dataset,
            subset,
            task=rules.task,
            year=year,
            resolution=resolution,
            sequences=sequences,
            images=False,
        )
    folders = _folders(Path(predictions), dataset, rules)
    jobs = [(s, folders[s.name], rules) for s in dataset.sequences]
    total = sum(len(rules.scored_frames(s)) for s in dataset.sequences)
    scores: dict[str, SequenceScore] = {}
    done = 0
    for score in _scored(jobs, _worker_count(processes, len(jobs))):
        scores[score.name] = score
        done += len(rules.scored_frames(next(s for s in dataset.sequences if s.name == score.name)))
        if on_progress:
            on_progress(done, total)
    ordered = tuple(scores[s.name] for s in dataset.sequences)
    if not any(score.objects for score in ordered):
        raise InputError(f"{dataset.root}: no object has a frame that counts")
    return Evaluation(dataset.name, dataset.subset, replace(rules), ordered)


def _folders(predictions: Path, dataset: Dataset, rules: ScoringRules) -> dict[str, Path]:
    """Find the folder of each sequence's predictions; list all missing frames at once."""
    if not predictions.is_dir():
        raise InputError(f"{predictions}: no such folder. Give the folder of predicted masks.")
    single = len(dataset.sequences) == 1 and any(predictions.glob("*.png"))
    folders = {s.name: predictions if single else predictions / s.name for s in dataset.sequences}
    absent = {s.name: Predictions(folders[s.name], s, rules).missing for s in dataset.sequences}
    missing = [(name, frames) for name, frames in absent.items() if frames]
    counted = sum(len(rules.scored_frames(s)) for s in dataset.sequences)
    if sum(len(frames) for _, frames in missing) == counted:
        there = sorted(p.name for p in predictions.iterdir())[:10]
        raise InputError(
            f"{predictions}: not one predicted mask of {dataset.name} here. Expected a folder for "
            f"each sequence ({', '.join(list(folders)[:3])}, ...) with PNGs named as the truth's; "
            f"there is {', '.join(there) or 'nothing'}."
        )
    if missing and rules.missing == "error":
        raise InputError(missing_message(missing, predictions))
    return folders


_Job = tuple[VideoSequence, Path, ScoringRules]


def _scored(jobs: list[_Job], processes: int) -> Iterator[SequenceScore]:
    """Score the sequences, the longest first, in the order in which they are finished."""
    jobs = sorted(jobs, key=lambda job: -len(job[0].annotations))
    if processes == 1:
        for job in jobs:
            yield score_sequence(*job)
        return
    pool = ProcessPoolExecutor(processes, _context(), _start_worker)
    try:
        with _hidden_main():
            futures = [pool.submit(score_sequence, *job) for job in jobs]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _worker_count(processes: int | None, jobs: int) -> int:
    if processes is None:
        affinity = getattr(os, "sched_getaffinity", None)
        processes = len(affinity(0)) if affinity else os.cpu_count() or 1
    if processes < 1:
        raise InputError(f"{processes} processes; give 1 or more")
    return min(processes, jobs)


def _context() -> BaseContext:
    """Fork where that is safe, which takes milliseconds; else start afresh.

    A process with threads, as one that has used PyTorch, must not be forked.
    """
    alone = threading.active_count() == 1 and "torch" not in sys.modules
    return multiprocessing.get_context("fork" if alone and sys.platform == "linux" else "spawn")


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep workers that start afresh from running the caller's script again.

    They need this package alone; a script need not be guarded against being imported by them.
    """
    main = sys.modules["__main__"]
    hidden = {name: getattr(main, name) for name in ("__spec__", "__file__") if hasattr(main, name)}
    for name in hidden:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)


def _start_worker() -> None:
    """One thread a process; Ctrl-C and SIGTERM are the parent's to handle."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
