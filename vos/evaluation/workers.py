"""Sequences scored by several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from pathlib import Path

import cv2

from vos.datasets.sequence import VideoSequence
from vos.errors import InputError
from vos.evaluation.rules import ScoringRules
from vos.evaluation.scores import SequenceScore
from vos.evaluation.sequence_scoring import score_sequence

_Job = tuple[VideoSequence, Path, ScoringRules]


def score_all(jobs: list[_Job], processes: int) -> Iterator[SequenceScore]:
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


def worker_count(processes: int | None, jobs: int) -> int:
    """Return how many processes to score with: as many as asked for, or as there are cores.

    Raises:
        InputError: fewer than one is asked for.
    """
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
