"""A run of clicks: every object of the frames taken, all methods, kept by sequence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clicks.colour_baselines import BASELINE_SETTINGS, BASELINES, EARLIER_SETTINGS
from benchmarks.clicks.protocol import ClickScores, Segment, click_until
from benchmarks.clicks.report import write_report
from benchmarks.clicks.results import results_of
from benchmarks.reporting.benchmark_run import shown_name, side_by_side
from benchmarks.reporting.published_clicks import CLICKS
from benchmarks.reporting.run_files import RESULTS, TABLE
from benchmarks.reporting.run_state import RunState
from benchmarks.reporting.sequence_records import SEQUENCES, prepare_records
from benchmarks.reporting.shared_work import run_recorded, share_out
from vos.backbones.backbone import Backbone
from vos.datasets.dataset import Dataset
from vos.datasets.sequence import VideoSequence
from vos.files import atomic_path, write_json
from vos.interactive.click_segmenter import ClickSegmenter
from vos.interactive.settings import ClickSettings
from vos.masks.ids import VOID
from vos.runtime.distributed import Team
from vos.video.images import read_image

REPORT = "report.html"


@dataclass(frozen=True)
class Measurement:
    """What is measured; part of a run's settings."""

    every: int
    """Every n-th annotated frame is taken."""
    most: int
    """Clicks on an object at most."""
    baseline_short_side: int | None
    """Pixels of the shorter side that the baselines see; 0 for all, None for no baselines."""


class ClicksRun:
    """A run and its folder.

    Args:
        out: the folder.
        dataset: sequences with frames and masks.
        backbone: gives the features.
        measurement: what is measured.
        resolution: of the dataset.
    """

    def __init__(
        self,
        out: Path,
        dataset: Dataset,
        backbone: Backbone,
        measurement: Measurement,
        resolution: str,
    ) -> None:
        self._out = out
        self._dataset = dataset
        self._backbone = backbone
        self._measurement = measurement
        described = backbone.describe()
        described["device"] = backbone.device.type
        named = {"name": dataset.name, "set": dataset.subset, "resolution": resolution}
        self._settings: dict[str, Any] = {
            "dataset": named,
            "backbone": described,
            "measurement": asdict(measurement),
            "method": asdict(ClickSettings()),
            "baselines": {} if measurement.baseline_short_side is None else BASELINE_SETTINGS,
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
                defaults={"method": asdict(ClickSettings()), "baselines": EARLIER_SETTINGS},
                stale=(RESULTS, TABLE, REPORT),
            )
        )
        state = RunState(self._out, self._settings, processes, self._backbone.device)
        return run_recorded(
            state, processes, lambda: self._measure_all(processes), lambda: self._finish(state)
        )

    def _measure_all(self, processes: Team) -> dict[str, str]:
        sequences = {s.name: s for s in self._dataset.sequences}
        every = self._measurement.every

        def work(name: str, on_frame: Callable[..., None]) -> None:
            rows = self._measure(sequences[name], on_frame)
            write_json(self._record(name), {"name": name, "rows": rows})

        missing = processes.from_leader(
            lambda: {
                name: len(list(sequence.annotations)[::every])
                for name, sequence in sequences.items()
                if not self._record(name).is_file()
            }
        )
        return share_out(missing, work, processes, "click")

    def _measure(
        self, sequence: VideoSequence, on_frame: Callable[..., None]
    ) -> list[dict[str, Any]]:
        """Return a row for each object of each frame taken and each method."""
        images = {path.stem: path for path in sequence.frames}
        known = {number for numbers in sequence.prompts.values() for number in numbers}
        rows = []
        for frame in list(sequence.annotations)[:: self._measurement.every]:
            ids = sequence.read_annotation(frame)
            numbers = [n for n in np.unique(ids).tolist() if n in known]
            if numbers:
                methods, seconds = self._methods(read_image(images[frame]))
                for number in numbers:
                    for name, segment in methods.items():
                        most = self._measurement.most
                        scores = click_until(segment, ids == number, ids != VOID, most)
                        rows.append(_row(frame, number, name, scores, seconds[name]))
            on_frame()
        return rows

    def _methods(self, image: np.ndarray) -> tuple[dict[str, Segment], dict[str, float]]:
        """Return the methods by name, made ready for a frame, and the seconds that it took."""
        methods: dict[str, Segment] = {}
        seconds: dict[str, float] = {}
        start = time.perf_counter()
        name = shown_name(self._settings["backbone"])
        methods[name] = ClickSegmenter(image, self._backbone).mask
        seconds[name] = time.perf_counter() - start
        short_side = self._measurement.baseline_short_side
        for baseline in BASELINES if short_side is not None else ():
            methods[baseline.name] = baseline(image, short_side or 0).mask
            seconds[baseline.name] = 0.0
        return methods, seconds

    def _record(self, name: str) -> Path:
        return self._out / SEQUENCES / f"{name}.json"

    def _finish(self, state: RunState) -> None:
        """Write `results.json`, `table.md` and the report."""
        records = [
            json.loads(self._record(s.name).read_text(encoding="utf-8"))
            for s in self._dataset.sequences
        ]
        results = results_of(self._dataset, self._settings, records)
        write_json(self._out / RESULTS, results)
        rows = [(row["name"], row["figures"]) for row in results["rows"]]
        table = side_by_side(CLICKS, rows, results["data"])
        with atomic_path(self._out / TABLE) as beside:
            beside.write_text(table, encoding="utf-8")
        state.state = "complete"
        state.write()
        write_report(self._out / REPORT, run=state.as_json(), results=results)
        print(table, end="")
        print(f"report: {self._out / REPORT}")


def _row(frame: str, number: int, method: str, scores: ClickScores, ready: float) -> dict[str, Any]:
    return {
        "frame": frame,
        "object": number,
        "method": method,
        "overlaps": list(scores.overlaps),  # unrounded: clicks are counted by them
        "seconds": round(scores.seconds, 4),
        "ready_seconds": round(ready, 4),
    }
