"""Choose propagation settings: a grid over them, with the features computed once.

Features do not depend on context, radius, k and temperature, so a point of the grid costs the
propagation alone. Choose on the train set; figures on val are then what they claim to be.
"""

from __future__ import annotations

import csv
import sys
import typing
from collections.abc import Sequence as Collection
from dataclasses import dataclass, field, fields, replace
from itertools import islice, product
from pathlib import Path
from typing import Any, Literal

from benchmarks.davis.davis import propagate_all, score, write_results
from benchmarks.davis.run_folder import RunFolder, check_prompts, settings_of
from vos.backbones.backbone import Backbone
from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.datasets.dataset import Dataset
from vos.datasets.loading import load_dataset
from vos.datasets.sequence import VideoSequence
from vos.errors import InputError
from vos.features.cache import CachedBackbone
from vos.files import atomic_path, shortened, write_json
from vos.propagation.config import PropagationConfig
from vos.runtime.distributed import Team, team
from vos.runtime.provenance import git_revision, versions
from vos.segmentation.run_folder import RUN

TABLE, SUMMARY = "sweep.csv", "sweep.json"
_FEATURES = "features"
_FIGURES = ("J&F-Mean", "J-Mean", "F-Mean")
Point = dict[str, Any]
"""Values of the fields that the grid varies."""


@dataclass(frozen=True)
class Sweep:
    """Score every combination of propagation settings on a train set.

    Features are computed once for each frame and kept on disk in bf16. Run again after a stop,
    it goes on.
    """

    data: Path
    """DAVIS folder."""
    out: Path
    """Folder to write to: a folder for each combination, sweep.csv and sweep.json."""
    grid: tuple[str, ...]
    """Fields of the propagation with their values: topk=5,10 temperature=0.05,0.1."""
    set: str = "train"
    """The set. Choose on train, never on val."""
    year: Literal[2016, 2017] = 2017
    """DAVIS 2016 takes all objects of a sequence as one."""
    resolution: str = "480p"
    """Of DAVIS: 480p, Full-Resolution (2017) or 1080p (2016)."""
    sequences: tuple[str, ...] = ()
    """Take these sequences only."""
    first_frames: int | None = None
    """Take so many frames of each sequence, to save time."""
    feature_cache: Path | None = None
    """Folder for the features. Without it, `features` in the output folder."""
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    propagation: PropagationConfig = field(default_factory=PropagationConfig)
    processes: int | None = None
    """Worker processes of the scoring. None: one for each core."""

    def run(self) -> int:
        """Run the grid and print the combinations, the best first."""
        points = parse_grid(self.grid)
        configs = [replace(self.propagation, **point) for point in points]
        if self.set != "train":
            print(
                f"note: settings chosen on {self.set} make figures on {self.set} look better than "
                "they are; choose on train",
                file=sys.stderr,
            )
        with team() as processes:
            dataset = processes.from_leader(self._dataset)
            options = replace(self.backbone, device=processes.device(self.backbone.device))
            loaded = processes.one_at_a_time(lambda: load_with_progress(options))
            cache = self.feature_cache or self.out / _FEATURES
            backbone = CachedBackbone(loaded, cache, "bf16")
            rows = []
            for point, config in zip(points, configs, strict=True):
                row = self._point(point, config, dataset, backbone, processes)
                if row is None:
                    return 1
                rows.append(row)
            if processes.leads:
                self._finish(points, rows, backbone)
        return 0

    def _dataset(self) -> Dataset:
        dataset = load_dataset(
            self.data,
            self.set,
            year=self.year,
            resolution=self.resolution,
            sequences=self.sequences,
        )
        if self.first_frames is not None:
            if self.first_frames < 3:
                raise InputError(f"first_frames is {self.first_frames}; give 3 or more")
            cut = tuple(first_frames(s, self.first_frames) for s in dataset.sequences)
            dataset = replace(dataset, sequences=cut)
        check_prompts(dataset)
        return dataset

    def _point(
        self,
        point: Point,
        config: PropagationConfig,
        dataset: Dataset,
        backbone: Backbone,
        processes: Team,
    ) -> dict[str, Any] | None:
        """Run a combination; None if a sequence failed."""
        folder = RunFolder(self.out / label(point))
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
        evaluation = score(dataset, folder, self.processes)
        results = write_results(evaluation, folder, folder.records(dataset))
        figures = {name: results["global"][name] for name in _FIGURES}
        rate = results["speed"]["frames_per_second"]["propagation"]
        return {**point, **figures, "propagation frames/s": rate}

    def _finish(
        self, points: list[Point], rows: list[dict[str, Any]], backbone: CachedBackbone
    ) -> None:
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
                "set": self.set,
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


def parse_grid(specs: Collection[str]) -> list[Point]:
    """Return all combinations of `name=value,value` specifications, the last name fastest.

    Raises:
        InputError: no such field, a value that is not of its kind, or a field given twice.
    """
    known = typing.get_type_hints(PropagationConfig)
    choices: dict[str, list[Any]] = {}
    for spec in specs:
        name, equals, values = spec.partition("=")
        name = name.strip().replace("-", "_")
        if name not in known or not equals:
            names = ", ".join(f.name for f in fields(PropagationConfig))
            raise InputError(f"{spec!r}: expected NAME=VALUE,VALUE with a NAME of {names}")
        if name in choices:
            raise InputError(f"{name} is given twice; give all its values at once")
        parsed = [_value(name, text.strip(), known[name]) for text in values.split(",")]
        choices[name] = list(dict.fromkeys(parsed))
    if not choices:
        raise InputError("no grid was given; give --grid topk=5,10 temperature=0.05,0.1")
    points = [dict(zip(choices, point, strict=True)) for point in product(*choices.values())]
    for point in points:
        replace(PropagationConfig(), **point)  # says which number is out of its range
    return points


def _value(name: str, text: str, kind: Any) -> Any:
    words = {"true": True, "false": False}
    options = typing.get_args(kind) or (tuple(words) if kind is bool else ())
    if options:
        if text.lower() not in options:
            raise InputError(f"{name}={text}: expected one of {', '.join(options)}")
        return words[text.lower()] if kind is bool else text.lower()
    try:
        return kind(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise InputError(f"{name}={text}: expected {expected}") from None


def label(point: Point) -> str:
    """Return the name of a combination's folder."""
    return ",".join(f"{name}={value}" for name, value in point.items())


def table_lines(rows: list[dict[str, Any]], limit: int = 30) -> list[str]:
    """Return the combinations as lines of text, the first `limit` of them."""
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in islice(rows, limit))]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    lines = [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in cells
    ]
    if len(rows) > limit:
        lines.append(f"and {len(rows) - limit} more")
    return lines


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
