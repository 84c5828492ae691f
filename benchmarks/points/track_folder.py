"""The folder of a run on points: whole videos are kept, a half one starts again.

    run.json               what the run was made with
    tracks/<video>.npz     xy (Q, T, 2) in pixels of the frames, visible (Q, T), confidence (Q, T)
    tracks/<video>.json    seconds, memory, versions

A video is whole once its .npz is there; that is the last thing written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reporting.run_files import RESULTS, TABLE
from benchmarks.reporting.run_settings import earlier_settings, require_same
from vos.errors import InputError
from vos.files import atomic_path, write_json
from vos.tracking.tracks import Tracks

REPORT = "report.html"
_TRACKS = "tracks"
_WAY_OUT = "--overwrite"


class TrackFolder:
    """What is on disk of a run."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._tracks = out / _TRACKS

    def prepare(
        self, settings: Mapping[str, Any], defaults: Mapping[str, Any], *, overwrite: bool
    ) -> None:
        """Make the folder ready for a run with these settings.

        Raises:
            InputError: it cannot be made, or holds a run with other settings and is not to be
                overwritten.
        """
        try:
            self._tracks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the output folder {self.out} cannot be made: {error.strerror}"
            ) from None
        if overwrite:
            shutil.rmtree(self._tracks)
            self._tracks.mkdir()
        elif (earlier := earlier_settings(self.out, _WAY_OUT)) is not None:
            now = json.loads(json.dumps(settings))
            require_same(self.out, earlier, now, _WAY_OUT, defaults)
        elif any(self._tracks.iterdir()):
            raise InputError(
                f"{self._tracks} holds tracks of which no run.json says how they were made; give "
                f"another folder, or {_WAY_OUT}"
            )
        for part in self._tracks.rglob(".*.part.*"):  # half written by a run that was killed
            part.unlink(missing_ok=True)
        for name in (RESULTS, TABLE, REPORT):
            (self.out / name).unlink(missing_ok=True)

    def is_whole(self, name: str, queries: int, frames: int) -> bool:
        """Whether a video's tracks are there, of so many queries and frames."""
        path = self._path(name)
        if not path.is_file() or not path.with_suffix(".json").is_file():
            return False
        try:
            tracks = self.load(name)
        except Exception:  # numpy's readers of damaged files raise whatever they trip over
            return False
        return tracks.visible.shape == (queries, frames)

    def keep(self, name: str, tracks: Tracks, record: Mapping[str, Any]) -> None:
        """Write the tracks of a whole video."""
        path = self._path(name)
        write_json(path.with_suffix(".json"), record)
        with atomic_path(path) as beside, beside.open("wb") as handle:
            np.savez_compressed(
                handle, xy=tracks.xy, visible=tracks.visible, confidence=tracks.confidence
            )

    def load(self, name: str) -> Tracks:
        """Read the tracks of a whole video."""
        with np.load(self._path(name), allow_pickle=False) as stored:
            return Tracks(stored["xy"], stored["visible"], stored["confidence"])

    def records(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the records of videos by name."""
        paths = {name: self._path(name).with_suffix(".json") for name in names}
        return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items()}

    def _path(self, name: str) -> Path:
        return self._tracks / f"{name}.npz"
