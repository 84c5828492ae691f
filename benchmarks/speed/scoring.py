"""How fast `vos evaluate` scores, beside the plain algorithm and beside vos-benchmark.

All of them score the same masks in the same run, by turns, and their figures are compared.
`python -m benchmarks.speed.scoring --predictions DIR --davis DIR` runs it.
"""

from __future__ import annotations

import contextlib
import gc
import io
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.reporting.advice import SCORING_OPTIONS, options_explained
from benchmarks.speed.conditions import conditions
from vos.cli.verbs import Verb, run_verbs
from vos.errors import InputError
from vos.files import write_json
from vos.runtime.progress import progress, status
from vos.runtime.provenance import installed_version

TOLERANCE = 1e-9
"""How far the figures of two scorers may be apart."""

Means = dict[str, tuple[float, float]]
"""Mean J and F by object name."""


@dataclass(frozen=True)
class ScoringSpeed:
    """Time the scoring: ours, the plain algorithm, and vos-benchmark where it is installed.

    Example: vos-bench speed-scoring --predictions runs/davis/masks --davis DAVIS -o scoring.json
    """

    predictions: Path
    """Folder of predicted masks."""
    davis: Path
    """DAVIS 2017 folder (annotations at 480p)."""
    rounds: int = 5
    """Every scorer runs this many times, by turns; the medians are compared."""
    processes: int = 2
    """Worker processes of the runs with several."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="FILE")] = None
    """Write the times, the machine and the versions to this JSON file."""

    def run(self) -> int:
        """Measure, print and write; return 1 if two scorers give different figures."""
        if self.rounds < 1:
            raise InputError(f"{self.rounds} rounds; give 1 or more")
        import cv2

        cv2.setNumThreads(1)  # one process is to mean one core, for every scorer
        scorers = self._scorers()
        times: dict[str, list[float]] = {name: [] for name in scorers}
        figures: dict[str, Means] = {}
        with progress("timing", self.rounds * len(scorers), "runs") as advance:
            for _ in range(self.rounds):
                for name, score in scorers.items():
                    start = time.perf_counter()
                    figures[name] = score()
                    times[name].append(time.perf_counter() - start)
                    advance(note=name)
        report = summary(times, self.processes)
        different = differences(figures)
        _print(report, different)
        if self.out is not None:
            write_json(self.out, {**report, "differences": different, "machine": conditions()})
        return 1 if different else 0

    def _scorers(self) -> dict[str, Callable[[], Means]]:
        from benchmarks.speed.plain_scoring import plain_scores
        from vos.datasets.loading import load_dataset
        from vos.evaluation.evaluate import evaluate

        status(f"reading the list of sequences of {self.davis}")
        dataset = load_dataset(self.davis, images=False)
        truth = next(iter(dataset.sequences[0].annotations.values())).parent.parent
        names = [s.name for s in dataset.sequences]

        def ours(processes: int) -> Callable[[], Means]:
            def score() -> Means:
                with options_explained(SCORING_OPTIONS):
                    evaluation = evaluate(self.predictions, self.davis, processes=processes)
                return {o.name: (o.j.mean, o.f.mean) for o in evaluation.objects}

            return score

        def plain() -> Means:
            scores = plain_scores(self.predictions, truth, names)
            return {
                f"{name}_{k + 1}": (float(j[k].mean()), float(f[k].mean()))
                for name, (j, f) in scores.items()
                for k in range(len(j))
            }

        scorers = {"ours, 1": ours(1), f"ours, {self.processes}": ours(self.processes)}
        scorers["plain, 1"] = plain
        if installed_version("vos-benchmark") is not None:
            for n in (1, self.processes):
                scorers[f"vos-benchmark, {n}"] = _public(self.predictions, truth, n)
        return scorers


def _public(predictions: Path, truth: Path, processes: int) -> Callable[[], Means]:
    """Make a run of vos-benchmark, which writes into the folder of predictions: a copy by links."""
    from vos_benchmark.benchmark import benchmark

    def score() -> Means:
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.redirect_stdout(io.StringIO()),
            _default_sigterm(),
        ):
            for sequence in truth.iterdir():
                (Path(folder) / sequence.name).symlink_to((predictions / sequence.name).resolve())
            results = benchmark([str(truth)], [folder], num_processes=processes, verbose=False)
        return {
            f"{name}_{number}": (j[number] / 100, f[number] / 100)
            for name, (j, f) in results[3][0].items()
            for number in j
        }

    return score


@contextlib.contextmanager
def _default_sigterm() -> Iterator[None]:
    """Let SIGTERM end the workers of a pool, which inherit the command line's handler for it."""
    previous = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
        gc.collect()  # vos-benchmark leaves its pool to the garbage collector
    finally:
        signal.signal(signal.SIGTERM, previous)


def summary(times: Mapping[str, list[float]], processes: int) -> dict[str, Any]:
    """Return the medians in seconds, and how many times as fast ours is."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    one, several = medians["ours, 1"], medians[f"ours, {processes}"]
    ratios = {
        "ours, 1 against plain, 1": medians["plain, 1"] / one,
        f"ours, {processes} against ours, 1": one / several,
    }
    for n, ours in ((1, one), (processes, several)):
        if f"vos-benchmark, {n}" in medians:
            public = medians[f"vos-benchmark, {n}"]
            ratios[f"ours, {n} against vos-benchmark, {n}"] = public / ours
    return {"seconds": dict(times), "median_seconds": medians, "times_as_fast": ratios}


def differences(figures: Mapping[str, Means]) -> list[str]:
    """Name the objects whose means differ between the scorers.

    vos-benchmark counts void as an object of its own (id 255), which the others do not have;
    only the objects that all have are compared with it.
    """
    reference = figures["ours, 1"]
    lines = []
    for name, means in figures.items():
        shared = reference.keys() & means.keys()
        if reference.keys() - means.keys():
            lines.append(f"{name}: without {sorted(reference.keys() - means.keys())}")
        for key in sorted(shared):
            gap = max(abs(a - b) for a, b in zip(reference[key], means[key], strict=True))
            if gap > TOLERANCE:
                lines.append(f"{name}: {key} differs by {gap:.3g}")
    return lines


def _print(report: Mapping[str, Any], different: list[str]) -> None:
    for name, seconds in report["median_seconds"].items():
        print(f"{name:<18} {seconds:8.3f} s")
    for name, ratio in report["times_as_fast"].items():
        print(f"{name}: {ratio:.2f} times as fast")
    print("\n".join(different) if different else f"all figures agree within {TOLERANCE:g}")


if __name__ == "__main__":
    verb = Verb("scoring", "Time the scoring.", "benchmarks.speed.scoring:ScoringSpeed")
    arguments = ["scoring", *sys.argv[1:]]
    sys.exit(
        run_verbs("python -m benchmarks.speed.scoring", "Time the scoring.", (verb,), arguments)
    )
