"""Table 5: video object segmentation on DAVIS 2017 with frozen features.

M. Caron et al. 2021 (arXiv 2104.14294), section 4.2.1. One command makes the masks, scores them
and writes the report.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from benchmarks.davis.compare import Compare
from benchmarks.davis.report import write_report
from benchmarks.davis.run_folder import (
    REPORT,
    RESULTS,
    RunFolder,
    check_prompts,
    mixed_origins,
    settings_of,
    speed,
)
from vos.backbones.backbone import Backbone
from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.datasets.dataset import Dataset
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.evaluation.evaluate import evaluate
from vos.evaluation.reports import as_json, score_lines, write_reports
from vos.evaluation.scores import Evaluation
from vos.features.cache import CachedBackbone
from vos.files import shortened, write_json
from vos.propagation.config import PropagationConfig
from vos.runtime.distributed import Team, team
from vos.runtime.progress import progress
from vos.runtime.provenance import git_revision, machine, versions
from vos.segmentation.run_folder import RUN


@dataclass(frozen=True)
class Davis:
    """Table 5: make the masks of DAVIS's sequences, score them, and report.

    Run again after a stop, it keeps whole sequences and goes on. `torchrun --nproc-per-node N -m
    benchmarks davis ...` shares the sequences out among N processes, the longest first; on
    several machines, --data and --out are the same shared folders.
    """

    data: Path | None = None
    """DAVIS folder (JPEGImages, Annotations, ImageSets). YouTube-VOS, MOSE and LVOS are known."""
    out: Path | None = None
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
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    propagation: PropagationConfig = field(default_factory=PropagationConfig)
    feature_cache: Path | None = None
    """Keep the features of all frames in this folder, for other runs with the same backbone."""
    processes: int | None = None
    """Worker processes of the scoring. None: one for each core."""
    overwrite: bool = False
    """Replace the run in the output folder."""

    def run(self) -> int:
        """Make masks, score and report, or compare; return 1 if a sequence failed."""
        if self.compare is not None:
            if self.data is not None or self.overwrite:
                raise InputError(
                    "--compare A B sets finished runs side by side; of the other options it "
                    "takes --out FILE.html alone"
                )
            return Compare(*self.compare, out=self.out).run()
        if self.data is None or self.out is None:
            raise InputError("give --data DAVIS and --out FOLDER, or two runs (--compare A B)")
        return self._run(self.data, self.out)

    def _run(self, data: Path, out: Path) -> int:
        with team() as processes:
            dataset = processes.from_leader(partial(self._dataset, data))
            backbone = self._backbone(processes)
            settings = settings_of(dataset, self.resolution, backbone, self.propagation)
            folder = RunFolder(out)
            processes.from_leader(lambda: folder.prepare(settings, overwrite=self.overwrite))
            record = RunState(folder, settings, processes, backbone)
            try:
                failed = propagate_all(dataset, folder, backbone, self.propagation, processes)
                if not processes.leads:
                    return 1 if failed else 0
                record.state = "failed" if failed else "running"
                if failed:
                    return _give_up(failed, folder)
                self._score(dataset, folder, record)
            except BaseException as error:
                record.state = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
                raise
            finally:
                record.write()
        return 0

    def _dataset(self, data: Path) -> Dataset:
        dataset = load_dataset(
            data,
            self.set,
            year=self.year,
            resolution=self.resolution,
            sequences=self.sequences,
        )
        check_prompts(dataset)
        return dataset

    def _backbone(self, processes: Team) -> Backbone:
        options = replace(self.backbone, device=processes.device(self.backbone.device))
        backbone = processes.one_at_a_time(lambda: load_with_progress(options))
        if self.feature_cache is None:
            return backbone
        return CachedBackbone(backbone, self.feature_cache)

    def _score(self, dataset: Dataset, folder: RunFolder, record: RunState) -> None:
        evaluation = score(dataset, folder, self.processes)
        records = folder.records(dataset)
        results = write_results(evaluation, folder, records)
        record.state = "complete"
        record.write()
        run = record.as_json()
        report = folder.out / REPORT
        write_report(report, evaluation, dataset, folder.masks, run=run, results=results)
        print("\n".join(score_lines(evaluation)))
        _print_speed(results["speed"])
        for what in results["made_with_different"]:
            print(f"note: the sequences were made with different {what}; see sequences/*.json")
        print(f"report: {report}")


class RunState:
    """What `run.json` says; the leading process alone writes it."""

    def __init__(
        self, folder: RunFolder, settings: dict[str, Any], processes: Team, backbone: Backbone
    ) -> None:
        self.state = "running"
        self._folder = folder
        self._leads = processes.leads
        machines = processes.gather(machine(backbone.device))
        self._record = {
            "settings": settings,
            "command": list(sys.argv),
            "versions": versions(),
            "revision": git_revision(),
            "processes": processes.size,
            "machines": machines,
            "started": _now(),
        }
        self.write()

    def as_json(self) -> dict[str, Any]:
        """Return the contents of `run.json`."""
        return {"state": self.state, **self._record, "written": _now()}

    def write(self) -> None:
        """Write the file as things are now."""
        if self._leads:
            write_json(self._folder.out / RUN, self.as_json())


def propagate_all(
    dataset: Dataset,
    folder: RunFolder,
    backbone: Backbone,
    config: PropagationConfig,
    processes: Team | None = None,
) -> dict[str, str]:
    """Make the masks of all sequences that are not whole yet, the longest first.

    A sequence that fails does not end the others.

    Returns:
        The failed sequences with the reason, the same in all processes.
    """
    processes = processes or Team()
    todo = processes.from_leader(
        lambda: sorted(
            (s for s in dataset.sequences if not folder.is_whole(s)),
            key=lambda s: -len(s.frame_names),
        )
    )
    failed: dict[str, str] = {}
    if not todo:
        return failed
    total = sum(len(s.frame_names) for s in todo)
    with _shared_progress(processes, total) as frame_done:
        for number in processes.shares(len(todo)):
            sequence = todo[number]
            done = partial(frame_done, sequence.name)
            try:
                folder.propagate(sequence, backbone, config, done)
            except InputError as error:
                failed[sequence.name] = str(error)
            except Exception as error:  # whatever it is, it is this sequence's alone
                traceback.print_exc()
                failed[sequence.name] = f"{type(error).__name__}: {error}"
    gathered = processes.gather(failed)
    return {name: reason for part in gathered for name, reason in part.items()}


@contextmanager
def _shared_progress(processes: Team, total: int) -> Iterator[Callable[..., None]]:
    """Show in the leading process how many frames all processes have done."""
    shown = 0
    count = processes.counter()
    with ExitStack() as stack:
        leads = processes.leads
        advance = stack.enter_context(progress("segment", total)) if leads else None

        def frame_done(name: str, *_count: int | None) -> None:
            nonlocal shown
            done = count(1)
            if advance is not None:
                advance(done - shown, note=name)
                shown = done

        yield frame_done


def score(dataset: Dataset, folder: RunFolder, processes: int | None) -> Evaluation:
    """Score the masks of a run by DAVIS's semi-supervised protocol."""
    shown = 0
    with progress("scoring", None) as advance:

        def count(done: int, total: int) -> None:
            nonlocal shown
            advance(done - shown, total=total)
            shown = done

        return evaluate(folder.masks, dataset, processes=processes, on_progress=count)


def write_results(
    evaluation: Evaluation, folder: RunFolder, records: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Write the scores: the official CSV files, per-frame.csv and results.json."""
    write_reports(evaluation, folder.out)
    results = {
        "state": "complete",
        **as_json(evaluation),
        "speed": speed(records),
        "made_with_different": mixed_origins(records),
    }
    write_json(folder.out / RESULTS, results)
    return results


def _give_up(failed: dict[str, str], folder: RunFolder) -> int:
    """Say which sequences failed; there are no scores, as they would be of the others alone."""
    for name, reason in failed.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    print(
        f"{len(failed)} sequences failed ({shortened(failed)}), so nothing was scored. The others "
        "are kept; the same command tries the failed ones again.",
        file=sys.stderr,
    )
    write_json(folder.out / RESULTS, {"state": "failed", "failed": failed})
    return 1


def _print_speed(figures: dict[str, Any]) -> None:
    rates = figures["frames_per_second"]
    if not figures["frames"]:
        return
    told = ", ".join(f"{name} {rate:.2f}" for name, rate in rates.items() if rate)
    print(f"frames/s (decode and writing run beside the rest): {told}")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
