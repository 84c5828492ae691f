"""A sweep: each combination's masks and scores in a folder of its own, and the table of all."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.davis.davis_run import propagate_all, score, write_results
from benchmarks.davis.grid import Point, label, table_lines
from benchmarks.davis.run_folder import RunFolder, settings_of
from vos.datasets.dataset import Dataset
from vos.datasets.sequence import VideoSequence
from vos.features.cache import CachedBackbone
from vos.files import atomic_path, shortened, write_json
from vos.propagation.config import PropagationConfig
from vos.runtime.distributed import Team
from vos.runtime.provenance import git_revision, versions
from vos.segmentation.run_folder import RUN

TABLE, SUMMARY = "sweep.csv", "sweep.json"
_FIGURES = ("J&F-Mean", "J-Mean", "F-Mean")


@dataclass(frozen=True)
class SweepRun:
    """What all combinations of a sweep share."""

    out: Path
    dataset: Dataset
    backbone: CachedBackbone
    processes: Team
    subset: str
    resolution: str
    first_frames: int | None
    sequences: tuple[str, ...]
    """Those that were asked for; empty for all."""
    scoring_processes: int | None

    def run(self, points: list[Point], configs: Sequence[PropagationConfig]) -> int:
        """Run all combinations, write and print their table; return 1 if a sequence failed."""
        rows = []
        for point, config in zip(points, configs, strict=True):
            row = self._point(point, config)
            if row is None:
                return 1
            rows.append(row)
        if self.processes.leads:
            self._finish(points, rows)
        return 0

    def _point(self, point: Point, config: PropagationConfig) -> dict[str, Any] | None:
        """Run a combination; None if a sequence failed."""
        dataset, backbone, processes = self.dataset, self.backbone, self.processes
        folder = RunFolder(self.out / label(point), replaceable=False)
        settings = settings_of(dataset, self.resolution, backbone, config)
        settings["dataset"]["first_frames"] = self.first_frames
        processes.from_leader(lambda: folder.prepare(settings, overwrite=False))
        if processes.leads:
            print(label(point), flush=True)
            write_json(folder.out / RUN, {"settings": settings, "command": list(sys.argv)})
        failed = propagate_all(dataset, folder, backbone, config, processes)
        if failed:
            if processes.leads:
                for name, reason in failed.items():
                    print(f"failed: {name}: {reason}", file=sys.stderr)
                print(f"stopped: sequences failed ({shortened(failed)})", file=sys.stderr)
            return None
        if not processes.leads:
            return {}
        evaluation = score(dataset, folder, self.scoring_processes)
        results = write_results(evaluation, folder, dataset)
        figures = {name: results["global"][name] for name in _FIGURES}
        rate = results["speed"]["frames_per_second"]["propagation"]
        return {**point, **figures, "propagation frames/s": rate}

    def _finish(self, points: list[Point], rows: list[dict[str, Any]]) -> None:
        backbone = self.backbone
        ordered = sorted(rows, key=lambda row: -row[_FIGURES[0]])
        with (
            atomic_path(self.out / TABLE) as beside,
            beside.open("w", encoding="utf-8", newline="") as handle,
        ):
            writer = csv.DictWriter(handle, list(ordered[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(ordered)
        write_json(
            self.out / SUMMARY,
            {
                "command": list(sys.argv),
                "backbone": backbone.describe(),
                "set": self.subset,
                "sequences": list(self.sequences) or "all",
                "first_frames": self.first_frames,
                "versions": versions(),
                "revision": git_revision(),
                "features": {"computed": backbone.computed, "from_cache": backbone.found},
                "points": len(points),
                "rows": ordered,
            },
        )
        print("\n".join(table_lines(ordered)))
        print(f"wrote {self.out / TABLE}")


def first_frames(sequence: VideoSequence, count: int) -> VideoSequence:
    """Return a sequence's first `count` frames with their annotations."""
    frames = sequence.frames[:count]
    names = {path.stem for path in frames}
    kept = {name: path for name, path in sequence.annotations.items() if name in names}
    return replace(sequence, frames=frames, annotations=kept)
