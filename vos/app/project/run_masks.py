"""What a folder that `vos segment` wrote says: which mask is of which frame, and what was given.

The folder may be by somebody else, so nothing in it is believed unchecked, and the source that it
names is not looked at.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.app.project.entries import MAX_FRAME
from vos.errors import InputError
from vos.files import files_by_name
from vos.masks.ids import MAX_ID, object_ids
from vos.segmentation.run_folder import CONFIDENCE, MASKS, RUN

_LARGEST_RECORD = 256 << 20
_LARGEST_TABLE = 1 << 30
_MOST_OBJECTS_TRIED = 8


@dataclass(frozen=True)
class Run:
    """A run of `vos segment`."""

    source: str
    """What the run was given as its source, as text."""
    is_video: bool | None
    """Whether that was a video file; None where it is not recorded."""
    start: int
    stride: int
    max_size: int | None
    mode: str
    direction: str
    prompts: Mapping[int, str]
    """Frame -> SHA-256 of the mask that was given for it."""
    keeps_prompts: bool
    """Whether masks of prompted frames are the prompts themselves."""
    colors: Mapping[int, list[int]]
    """Colours that objects had in the masks that were given, as far as they had some."""
    masks: Mapping[str, Path]
    """The files of masks by the names of their frames, in natural order."""

    def indexes(self, folder: Path, names: Mapping[str, int] | None = None) -> dict[str, int]:
        """Return the frame number of each mask by its name.

        Args:
            folder: of the run.
            names: numbers of the source's frames by their names, where they are known. Otherwise
                the run's table of confidence says it; a video's names are numbers, and pictures
                are taken in their natural order.

        Raises:
            InputError: it cannot be said.
        """
        if names is None and (folder / CONFIDENCE).is_file():
            names = {row[1]: int(row[0]) for row in confidence_rows(folder)}
            if not set(self.masks) <= set(names):
                names = None
        if names is None:
            names = self._by_rule()
        lacking = [name for name in self.masks if name not in names]
        if lacking:
            raise InputError(
                f"{folder / MASKS / lacking[0]}.png: the source has no frame of that name; was "
                "the source changed since the run?"
            )
        return {name: names[name] for name in self.masks}

    def _by_rule(self) -> dict[str, int]:
        if self.is_video is False:
            return {name: self.start + self.stride * n for n, name in enumerate(self.masks)}
        numbers = {name: name for name in self.masks if re.fullmatch("[0-9]{5,13}", name)}
        return {name: int(text) for name, text in numbers.items()}


def read_run(folder: Path) -> Run:
    """Read what a run's folder says of it.

    Raises:
        InputError: it is no folder of `vos segment`, or damaged.
    """
    path = folder / RUN
    if not path.is_file():
        raise InputError(f"{folder} is no folder that vos segment wrote: it has no {RUN}")
    try:
        if path.stat().st_size > _LARGEST_RECORD:
            raise ValueError("too large")
        run = _run_of(json.loads(path.read_text(encoding="utf-8")), _mask_files(folder))
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is not the record of a run of masks ({error!r:.200})") from None
    if not run.masks:
        raise InputError(f"{folder}: the run has no masks yet; run vos segment first")
    return run


def _mask_files(folder: Path) -> dict[str, Path]:
    masks = folder / MASKS
    if not masks.is_dir():
        return {}
    files = files_by_name(masks, {".png"})
    links = [path for path in (masks, *files.values()) if path.is_symlink()]
    if links:
        raise InputError(f"{links[0]} is a link; put what it leads to in its place")
    return files


def _run_of(record: Mapping[str, Any], masks: Mapping[str, Path]) -> Run:
    settings = record["settings"]
    frames, propagation = settings["frames"], settings["propagation"]
    fingerprint = settings.get("fingerprint")
    largest = frames.get("max_size")
    given = {_whole(int(key), 0, MAX_FRAME): mask for key, mask in settings["masks"].items()}
    colors = {
        _whole(int(number), 1, MAX_ID): value
        for mask in given.values()
        for number, value in mask.get("mapping", {}).items()
        if isinstance(value, list) and len(value) == 3
    }
    for color in colors.values():
        for level in color:
            _whole(level, 0, 255)
    source = settings["source"]
    if not isinstance(source, str) or len(source) > 1 << 15 or "\0" in source:
        raise ValueError("the source is no text")
    return Run(
        source,
        None if fingerprint is None else "bytes" in fingerprint,
        start=_whole(frames["start"], 0, MAX_FRAME),
        stride=_whole(frames["stride"], 1, MAX_FRAME),
        max_size=None if largest is None else _whole(largest, 1, 1 << 20),
        mode="adaptive" if propagation.get("mode") == "adaptive" else "protocol",
        direction="both" if settings.get("direction") == "both" else "forward",
        prompts={frame: str(mask["sha256"]) for frame, mask in given.items()},
        keeps_prompts=propagation.get("prompt_output", "prompt") == "prompt",
        colors=colors,
        masks=masks,
    )


def _whole(value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"expected a whole number from {low} to {high}")
    return value


def confidence_rows(folder: Path) -> list[tuple[int, str, int, float]]:
    """Return a run's rows of confidence: frame, its name, object, confidence; none without a table.

    Raises:
        InputError: the table is damaged.
    """
    path = folder / CONFIDENCE
    if not path.is_file():
        return []
    try:
        if path.stat().st_size > _LARGEST_TABLE:
            raise ValueError("too large")
        with path.open(encoding="utf-8", newline="") as handle:
            table = csv.DictReader(handle)
            return [_confidence_row(row) for row in table]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error!r:.200}); move it away to go on") from None


def _confidence_row(row: Mapping[str, str]) -> tuple[int, str, int, float]:
    sure = float(row["confidence"])
    if not (math.isfinite(sure) and 0 <= sure <= 1):
        raise ValueError(f"confidence {sure}")
    frame = _whole(int(row["frame"]), 0, MAX_FRAME)
    return frame, row["name"], _whole(int(row["object"]), 1, MAX_ID), sure


def prompted_objects(ids: NDArray[np.uint8], sha256: str, *, is_first: bool) -> tuple[int, ...]:
    """Return the objects whose masks in a prompted frame are what was given for it.

    The mask that a run wrote for the frame also holds objects that were not given there.

    Args:
        ids: the mask (H, W) that the run wrote.
        sha256: of the ids that were given.
        is_first: whether nothing was given for an earlier frame; then all objects were given.

    Returns:
        None of them where it cannot be said.
    """
    objects = object_ids(ids)
    for count in range(len(objects), 0, -1):
        if count < len(objects) and (is_first or len(objects) > _MOST_OBJECTS_TRIED):
            break
        for some in combinations(objects, count):
            chosen = np.where(np.isin(ids, some), ids, np.uint8(0))
            if hashlib.sha256(chosen.tobytes()).hexdigest() == sha256:
                return some
    return objects if is_first else ()
