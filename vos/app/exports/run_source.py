"""A folder that `vos segment` wrote, as the source of an export.

Shape letters: H W pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, fields
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.app.exports.source import Color
from vos.errors import InputError
from vos.files import files_by_name
from vos.masks.ids import MAX_ID
from vos.masks.io import read_index_png
from vos.masks.palette import DAVIS_PALETTE
from vos.propagation.confidence import ObjectConfidence
from vos.segmentation.run_folder import CONFIDENCE, MASKS, RUN
from vos.segmentation.sinks.tables import ConfidenceTable
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frames import Frame, frame_name
from vos.video.reader import FrameReader, open_frames

_PROJECT = "project.json"


class RunSource(AbstractContextManager["RunSource"]):
    """The masks of a run, and the frames that they were made from.

    Args:
        folder: the run's folder, with run.json and masks.
        video: where the frames are now; by default where the run had them.
        reading: how the frames are read.
        objects: name and colour of objects by id; the run's others are called by their ids.

    Attributes:
        frames: which frames of the source the run took.

    Raises:
        InputError: it is no such folder, or holds no mask.
    """

    def __init__(
        self,
        folder: Path,
        *,
        video: str | None = None,
        reading: ReadingOptions | None = None,
        objects: Mapping[int, tuple[str, Color]] | None = None,
    ) -> None:
        self._folder = folder
        record = _record(folder)
        self._settings = record["settings"]
        self.frames = _frame_range(self._settings, folder)
        self.objects: Mapping[int, tuple[str, Color]] = _objects(record, objects or {})
        self._video = video or str(self._settings.get("source", ""))
        self._reading = reading
        self._files = files_by_name(folder / MASKS, {".png"}) if (folder / MASKS).is_dir() else {}
        if not self._files:
            raise InputError(f"{folder} holds no {MASKS}; give the folder of a run that wrote some")
        self._reader: FrameReader | None = None
        self._next = 0
        self.name = PurePath(self._video.rstrip("/\\")).stem or folder.name

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def count(self) -> int:
        """The number of the last frame with a mask, and one."""
        return max(self._names) + 1

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the first mask."""
        height, width = read_index_png(next(iter(self._files.values()))).shape
        return height, width

    @property
    def fps(self) -> Fraction | None:
        """Of the frames' source; None of pictures, and where it is not there any more."""
        return self._about_frames[1]

    @property
    def picture_suffix(self) -> str:
        """Ending of the names of the source's pictures; .png for other sources."""
        return self._about_frames[2]

    def frame_name(self, number: int) -> str:
        """Return the name of a frame's mask; a frame that the run did not take is named so too."""
        return self._names.get(number) or frame_name(number)

    def ids(self, number: int) -> NDArray[np.uint8] | None:
        """Return a mask (H, W).

        Raises:
            InputError: it is damaged.
        """
        name = self._names.get(number)
        return None if name is None else read_index_png(self._files[name])

    def confidence(self, number: int) -> Mapping[int, ObjectConfidence]:
        """Return what the run's confidence.csv says; nothing where it has none."""
        return {} if self._table is None else self._table.earlier(number)

    def frame(self, number: int) -> Frame:
        """Return a frame, in rising order.

        Raises:
            InputError: the source is not there, or does not have it.
        """
        if self._reader is None or number < self._next:
            self._close()
            self._reader = self._open()
        for frame in self._reader:
            self._next = frame.index + 1
            if frame.index == number:
                return frame
            if frame.index > number:
                break
        raise InputError(f"{self._video} does not give frame {number}, of which there is a mask")

    def _open(self) -> FrameReader:
        try:
            return open_frames(self._video, **asdict(self.frames), reading=self._reading)
        except InputError as error:
            raise InputError(
                f"the frames of the run in {self._folder} are needed, but cannot be read "
                f"({error}); say where they are now (--video)"
            ) from None

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._next = 0

    @cached_property
    def _about_frames(self) -> tuple[tuple[str, ...], Fraction | None, str]:
        """Names of the frames taken, where they have their own; frame rate; ending of pictures."""
        try:
            with self._open() as reader:
                pictures = reader.kind in {"folder", "glob", "list", "image"} and reader.files
                suffix = reader.files[0].suffix if pictures else ".png"
                return reader.names, reader.mean_fps, suffix
        except InputError:
            return (), None, ".png"

    @cached_property
    def _names(self) -> dict[int, str]:
        """The names of the frames with masks, by number.

        Pictures are numbered by their places, other frames by their names.
        """
        names = self._about_frames[0]
        start, stride = self.frames.start, self.frames.stride
        places = {name: start + stride * place for place, name in enumerate(names)}
        if all(name in places for name in self._files):
            return {places[name]: name for name in self._files}
        numbers = {int(name): name for name in self._files if name.isdecimal()}
        if len(numbers) == len(self._files) and not self._is_of_pictures:
            return numbers
        return {start + stride * place: name for place, name in enumerate(self._files)}

    @property
    def _is_of_pictures(self) -> bool:
        """Whether the run's record says that its frames were picture files."""
        is_archive = PurePath(self._video).suffix.lower() == ".zip"
        return is_archive or "frames" in (self._settings.get("fingerprint") or {})

    @cached_property
    def _table(self) -> ConfidenceTable | None:
        path = self._folder / CONFIDENCE
        return ConfidenceTable(path) if path.is_file() else None


def _record(folder: Path) -> dict[str, Any]:
    """Return the record of the run in a folder; its settings are a dict."""
    path = folder / RUN
    if (folder / _PROJECT).is_file() and not path.is_file():
        raise InputError(f"{folder} is a project of vos app; open it there (--project), and export")
    if not path.is_file():
        raise InputError(f"{folder} holds no {RUN}; give a folder that vos segment wrote")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error!r}); expected a run's record") from None
    if not isinstance(record, dict) or not isinstance(record.get("settings"), dict):
        raise InputError(f"{path} is not the record of a run; give a folder that vos segment wrote")
    return record


def _objects(
    record: Mapping[str, Any], named: Mapping[int, tuple[str, Color]]
) -> dict[int, tuple[str, Color]]:
    """Return name and colour of all objects that a record or the caller knows."""
    results = record.get("results")
    known = results.get("objects", ()) if isinstance(results, dict) else ()
    ids = {i for i in known if isinstance(i, int) and 1 <= i <= MAX_ID}
    colors = DAVIS_PALETTE.tolist()
    return {i: named.get(i, (f"object {i}", (*colors[i],))) for i in sorted(ids | set(named))}


def _frame_range(settings: Mapping[str, Any], folder: Path) -> FrameRange:
    """Return which frames a run took; what its record does not say is the default."""
    given = settings.get("frames") or {}
    try:
        return FrameRange(**{f.name: given[f.name] for f in fields(FrameRange) if f.name in given})
    except (TypeError, ValueError) as error:
        raise InputError(f"{folder / RUN}: frames that cannot be ({error})") from None
