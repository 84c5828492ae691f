"""A run of rounds: every sequence in every mode, kept one by one."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.reporting.benchmark_run import shown_name, side_by_side
from benchmarks.reporting.run_files import RESULTS, TABLE
from benchmarks.reporting.run_state import RunState
from benchmarks.reporting.sequence_records import SEQUENCES, prepare_records
from benchmarks.reporting.shared_work import run_recorded, share_out
from benchmarks.rounds.correction_loop import CorrectionLoop, RoundRules
from benchmarks.rounds.report import write_report
from benchmarks.rounds.results import results_of, rounds_table
from vos.backbones.backbone import Backbone
from vos.datasets.dataset import Dataset
from vos.features.cache import CachedBackbone
from vos.files import atomic_path, write_json
from vos.interactive.settings import ClickSettings
from vos.propagation.config import PropagationConfig
from vos.runtime.distributed import Team

REPORT, _FEATURES, _UNFINISHED = "report.html", "features", "unfinished"


class RoundsRun:
    """A run and its folder.

    Args:
        out: the folder.
        dataset: sequences with frames and masks.
        backbone: gives the features.
        rules: how the loop goes.
        resolution: of the dataset.

    Attributes:
        features: keeps the features of all frames; by default in the run's folder until the run is
            complete.
    """

    def __init__(
        self,
        out: Path,
        dataset: Dataset,
        backbone: Backbone,
        rules: RoundRules,
        resolution: str,
    ) -> None:
        self._out = out
        self._dataset = dataset
        self._backbone = backbone
        self._rules = rules
        self.features: CachedBackbone | None = None
        described = backbone.describe()
        described["device"] = backbone.device.type
        self._settings: dict[str, Any] = {
            "dataset": {"name": dataset.name, "set": dataset.subset, "resolution": resolution},
            "backbone": described,
            "rounds": asdict(rules),
            "propagation": asdict(PropagationConfig(short_side=rules.short_side)),
            "method": asdict(ClickSettings()),
        }

    def run(self, processes: Team, *, overwrite: bool) -> int:
        """Measure what is missing and report; return 1 if a sequence failed.

        Raises:
            InputError: the folder cannot be made, or holds a run with other settings.
        """
        processes.from_leader(
            lambda: prepare_records(
                self._out,
                self._settings,
                overwrite=overwrite,
                defaults={
                    "rounds": {"clicks": 1},
                    "propagation": asdict(PropagationConfig()),
                    "method": asdict(ClickSettings()),
                },
                stale=(RESULTS, TABLE, REPORT),
            )
        )
        state = RunState(self._out, self._settings, processes, self._backbone.device)
        return run_recorded(
            state, processes, lambda: self._measure_all(processes), lambda: self._finish(state)
        )

    def _measure_all(self, processes: Team) -> dict[str, str]:
        backbone = self.features or CachedBackbone(self._backbone, self._out / _FEATURES)
        jobs = {
            f"{sequence.name} ({mode})": (sequence, mode)
            for sequence in self._dataset.sequences
            for mode in self._rules.modes
        }

        def work(job: str, on_frame: Callable[..., None]) -> None:
            sequence, mode = jobs[job]
            work = self._out / _UNFINISHED / mode / sequence.name
            config = PropagationConfig(mode=mode, short_side=self._rules.short_side)
            loop = CorrectionLoop(sequence, backbone, config, self._rules, work)

            def on_round() -> None:
                for _ in sequence.frames:
                    on_frame()

            start = time.perf_counter()
            rounds = loop.run(on_round)
            seconds = round(time.perf_counter() - start, 1)
            record = {"name": sequence.name, "mode": mode, "seconds": seconds, "rounds": rounds}
            write_json(self._record(sequence.name, mode), record)

        missing = processes.from_leader(
            lambda: {
                job: len(sequence.frames) * (self._rules.rounds + 1)
                for job, (sequence, mode) in jobs.items()
                if not self._record(sequence.name, mode).is_file()
            }
        )
        return share_out(missing, work, processes, "correct")

    def _record(self, name: str, mode: str) -> Path:
        return self._out / SEQUENCES / f"{name}.{mode}.json"

    def _finish(self, state: RunState) -> None:
        records = [
            json.loads(self._record(sequence.name, mode).read_text(encoding="utf-8"))
            for mode in self._rules.modes
            for sequence in self._dataset.sequences
        ]
        name = shown_name(self._settings["backbone"])
        results = results_of(self._dataset, self._rules, name, records)
        write_json(self._out / RESULTS, results)
        rows = [(row["name"], row["figures"]) for row in results["rows"]]
        table = side_by_side(rounds_table(self._rules.rounds), rows, results["data"])
        with atomic_path(self._out / TABLE) as beside:
            beside.write_text(table, encoding="utf-8")
        state.state = "complete"
        state.write()
        write_report(self._out / REPORT, run=state.as_json(), results=results)
        for folder in (_FEATURES, _UNFINISHED):
            shutil.rmtree(self._out / folder, ignore_errors=True)
        print(table, end="")
        print(f"report: {self._out / REPORT}")
