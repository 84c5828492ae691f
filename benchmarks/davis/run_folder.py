"""The folder of a DAVIS run: whole sequences are kept, a half one starts again.

    run.json               what the run was made with
    masks/<sequence>/      a PNG for each frame; `vos evaluate OUT/masks DAVIS` reads them
    sequences/<name>.json  the record of each sequence: prompts, seconds, memory, versions
    sequences/<name>.csv   how sure each object's mask is in every frame
    unfinished/            sequences being worked on

A sequence is whole once its folder of masks has its final name; that is the last thing done.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.reporting.run_files import TABLE
from benchmarks.reporting.run_settings import earlier_settings, require_same
from vos.backbones.backbone import Backbone
from vos.datasets.dataset import Dataset
from vos.datasets.sequence import VideoSequence
from vos.errors import InputError
from vos.files import write_json
from vos.propagation.config import PropagationConfig
from vos.runtime.provenance import git_revision, gpu_peak_mib, machine
from vos.segmentation.options import OutputOptions, PassOptions
from vos.segmentation.pipeline import OnFrame
from vos.segmentation.run_folder import CONFIDENCE, MASKS, RUN
from vos.segmentation.segment import segment_video

RESULTS, REPORT, FRAMES = "results.json", "report.html", "per-frame.csv"
NOT_SCORED = "not scored"
"""The state in the results of a set whose truth is withheld."""


_SEQUENCES, _UNFINISHED = "sequences", "unfinished"


_STAGES = {
    "decode": "decode",
    "features": "features",
    "propagation": "propagation",
    "writing": "writing",
}


def check_prompts(dataset: Dataset) -> None:
    """Read the masks that start each sequence.

    Raises:
        InputError: some cannot be used; all of them are listed.
    """
    problems = []
    for sequence in dataset.sequences:
        try:
            for frame in sequence.prompts:
                sequence.read_prompt(frame)
            if not sequence.prompts:
                problems.append(f"{sequence.name}: no object in its first annotation")
        except InputError as error:
            problems.append(f"{sequence.name}: {error}")
    if problems:
        listed = "".join(f"\n  - {text}" for text in problems)
        raise InputError(f"{dataset.root}: masks that cannot be used as first masks:{listed}")


def settings_of(
    dataset: Dataset, resolution: str, backbone: Backbone, config: PropagationConfig
) -> dict[str, Any]:
    """Return all that the masks depend on; a run goes on only with the same."""
    described = backbone.describe()
    described["device"] = backbone.device.type  # which GPU of a machine it was makes no difference
    return {
        "dataset": {"name": dataset.name, "set": dataset.subset, "resolution": resolution},
        "backbone": described,
        "propagation": asdict(config),
    }


class RunFolder:
    """What is on disk of a run."""

    def __init__(self, out: Path, *, replaceable: bool = True) -> None:
        """Take the folder; `replaceable` says whether the verb has --overwrite to advise."""
        self.out = out
        self._way_out = "--overwrite" if replaceable else "remove it"
        self.masks = out / MASKS
        self._revision = git_revision()  # of the code that runs, whatever is checked out later

    def prepare(self, settings: Mapping[str, Any], *, overwrite: bool) -> None:
        """Make the folder ready for a run with these settings.

        Raises:
            InputError: it cannot be made, or holds a run with other settings and is not to be
                overwritten.
        """
        try:
            self.masks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the output folder {self.out} cannot be made: {error.strerror}"
            ) from None
        earlier = None if overwrite else earlier_settings(self.out, self._way_out)
        if earlier is not None:
            require_same(
                self.out,
                earlier,
                json.loads(json.dumps(settings)),
                self._way_out,
                {"propagation": asdict(PropagationConfig())},
            )
        elif not overwrite and any(self.masks.iterdir()):
            raise InputError(
                f"{self.masks} holds masks of which no {RUN} says how they were made; give another "
                f"folder, or {self._way_out}"
            )
        if overwrite:
            for folder in (self.out / _SEQUENCES, *self.masks.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.out / _UNFINISHED, ignore_errors=True)
        self.drop_results()

    def drop_results(self) -> None:
        """Remove the scores and the report, which are of masks that may change now."""
        for name in (RESULTS, TABLE, REPORT, FRAMES):
            (self.out / name).unlink(missing_ok=True)
        for path in self.out.glob("*_results-*.csv"):
            path.unlink()

    def is_whole(self, sequence: VideoSequence) -> bool:
        """Whether all masks of a sequence are there, with their record."""
        folder = self.masks / sequence.name
        if not folder.is_dir() or not self._record_path(sequence.name).is_file():
            return False
        return {p.stem for p in folder.glob("*.png")} == set(sequence.frame_names)

    def propagate(
        self,
        sequence: VideoSequence,
        backbone: Backbone,
        config: PropagationConfig,
        on_frame: OnFrame | None = None,
    ) -> None:
        """Make the masks of a sequence, by the code of `vos segment`, and keep them when whole.

        Raises:
            InputError: a frame or mask cannot be used.
            OSError: a mask cannot be written.
        """
        work = self.work_folder(sequence.name)
        names = sequence.frame_names
        prompts = {names.index(frame): sequence.read_prompt(frame) for frame in sequence.prompts}
        result = segment_video(
            sequence.frames,
            dict(prompts),
            work,
            backbone=backbone,
            config=config,
            outputs=OutputOptions(overlay=False, confidence=True),
            passes=PassOptions("forward"),  # as the published protocol goes
            overwrite=True,
            on_frame=on_frame,
        )
        self.keep(sequence.name, work, result.record.as_json(), backbone)

    def work_folder(self, name: str) -> Path:
        """Return where the masks of a sequence are made; its folder `masks` is kept when whole."""
        return self.out / _UNFINISHED / name

    def keep(self, name: str, work: Path, run: Mapping[str, Any], backbone: Backbone) -> None:
        """Move the masks of a whole sequence to their place, and write its record.

        Args:
            name: of the sequence.
            work: what `work_folder` returned.
            run: its record: results (frames, seconds by stage) and versions.
            backbone: whose device is recorded.
        """
        peak = gpu_peak_mib(backbone.device)
        record = {
            **run,
            "revision": self._revision,
            "machine": machine(backbone.device),
            "results": {**run["results"], "gpu_peak_memory_mib": peak},
        }
        write_json(self._record_path(name), record)
        if (work / CONFIDENCE).is_file():
            (work / CONFIDENCE).replace(self._confidence_path(name))
        shutil.rmtree(self.masks / name, ignore_errors=True)
        (work / MASKS).rename(self.masks / name)
        shutil.rmtree(work)
        with suppress(OSError):  # other processes may have theirs there
            work.parent.rmdir()

    def records(self, dataset: Dataset) -> dict[str, dict[str, Any]]:
        """Return the records of the dataset's sequences by name."""
        return {
            s.name: json.loads(self._record_path(s.name).read_text(encoding="utf-8"))
            for s in dataset.sequences
        }

    def confidence(self, dataset: Dataset) -> dict[tuple[str, int, str], float] | None:
        """Return how sure the masks are, by (sequence, object id, frame).

        None where a sequence has no such table, as in runs of an older version.
        """
        values: dict[tuple[str, int, str], float] = {}
        for sequence in dataset.sequences:
            path = self._confidence_path(sequence.name)
            if not path.is_file():
                return None
            with path.open(encoding="utf-8", newline="") as handle:
                for row in csv.DictReader(handle):
                    key = (sequence.name, int(row["object"]), row["name"])
                    values[key] = float(row["confidence"])
        return values

    def _confidence_path(self, name: str) -> Path:
        return self.out / _SEQUENCES / f"{name}.csv"

    def _record_path(self, name: str) -> Path:
        return self.out / _SEQUENCES / f"{name}.json"


def speed(records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return frames per second by stage, and the most memory, over all sequences.

    Decoding and writing run beside the rest, so their rates are not added to it. Where several
    processes shared the sequences, each worked at this rate.
    """
    results = [record["results"] for record in records.values()]
    frames = sum(r["frames_computed"] for r in results)

    def rate(seconds: float) -> float | None:
        return frames / seconds if seconds else None

    rates = {name: rate(sum(r["seconds"][key] for r in results)) for name, key in _STAGES.items()}
    peaks = ("peak_memory_mib", "gpu_peak_memory_mib")
    return {
        "frames": frames,
        "frames_per_second": {**rates, "all": rate(sum(r["wall_seconds"] for r in results))},
        **{p: max((r[p] for r in results if r[p] is not None), default=None) for p in peaks},
    }
