"""A project made of a folder that `vos segment` wrote, to correct its masks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.app.project.entries import Value
from vos.app.project.header import ProjectHeader, SourceRecord
from vos.app.project.project import Project
from vos.app.project.run_masks import Run, confidence_rows, prompted_objects, read_run
from vos.app.project.storage.working_files import NameOf
from vos.errors import InputError
from vos.masks.ids import VOID, object_ids
from vos.masks.io import read_index_png
from vos.masks.palette import DAVIS_PALETTE
from vos.video.frames import frame_name

_READERS = min(8, os.cpu_count() or 1)


def project_of_run(
    run_folder: str | Path,
    project_folder: str | Path,
    *,
    source: SourceRecord | None = None,
    names: Mapping[str, int] | None = None,
    name_of: NameOf = frame_name,
    backbone: Mapping[str, Any] | None = None,
) -> Project:
    """Make a project of a run: its masks are the project's, and what was given are prompts.

    A propagation of the project, with the run's backbone, gives the run's masks again, as far as
    the run kept the masks that it was given (it does by default).

    Args:
        run_folder: what `vos segment` wrote: run.json, masks, and confidence.csv if there is one.
        project_folder: a new or empty folder.
        source: what is known of the run's source; by default what the run's folder says.
        names: numbers of the source's frames by their names; see `Run.indexes`.
        name_of: gives the name of a frame's files by its number.
        backbone: options of the backbone.

    Raises:
        InputError: the run's folder is none or damaged, or the other one holds something else.
        OSError: the project cannot be written; then nothing is left of it.
    """
    folder = Path(run_folder)
    run = read_run(folder)
    frames = {index: run.masks[name] for name, index in run.indexes(folder, names).items()}
    size = read_index_png(next(iter(frames.values()))).shape
    if source is None:
        kind = "video" if run.is_video else "folder"
        source = SourceRecord(run.source, kind, PurePath(run.source).stem or run.source, size)
    elif source.size != size:
        raise InputError(
            f"{folder}: the masks are {size[1]}x{size[0]} pixels, the frames "
            f"{source.size[1]}x{source.size[0]} (width x height)"
        )
    header = ProjectHeader(source, run.max_size, backbone or {})

    def contents(project: Project) -> dict[str, Value]:
        return _Import(project, folder, run, size).entries(frames)

    settings = {"mode": run.mode, "direction": run.direction}
    return Project.create(project_folder, header, settings, name_of=name_of, contents=contents)


class _Import:
    """The masks of a run on their way into a project. H W are pixels."""

    def __init__(self, project: Project, folder: Path, run: Run, size: tuple[int, int]) -> None:
        self._project = project
        self._folder = folder
        self._run = run
        self._size = size
        self._first = min(run.prompts, default=0)

    def entries(self, frames: Mapping[int, Path]) -> dict[str, Value]:
        """Return the state that the masks give, by frame number and file."""
        entries: dict[str, Value] = {}
        with ThreadPoolExecutor(_READERS) as pool:
            for part in pool.map(self._frame, frames.items()):
                entries |= part
        objects = {int(i) for key, value in entries.items() if key.startswith("frames/")
                   for i in value["areas"]}  # fmt: skip
        for frame, _, number, sure in confidence_rows(self._folder):
            if f"frames/{frame}" in entries:
                entries[f"frames/{frame}"]["confidence"][str(number)] = sure
                objects.add(number)
        for number in sorted(objects):
            color = self._run.colors.get(number) or DAVIS_PALETTE[number].tolist()
            entries[f"objects/{number}"] = {"name": f"Object {number}", "color": color}
        return entries

    def _frame(self, frame: tuple[int, Path]) -> dict[str, Value]:
        index, path = frame
        ids = read_index_png(path)
        if ids.shape != self._size:
            raise InputError(
                f"{path}: {ids.shape[1]}x{ids.shape[0]} pixels, other masks of the run "
                f"{self._size[1]}x{self._size[0]} (width x height)"
            )
        ids[ids == VOID] = 0
        areas = {str(number): int((ids == number).sum()) for number in object_ids(ids)}
        digest = self._project.put_mask(ids)
        value = {"mask": digest, "areas": areas, "confidence": {}, "origin": "import", "key": None}
        return {f"frames/{index}": value, **self._prompts(index, ids)}

    def _prompts(self, index: int, ids: NDArray[np.uint8]) -> dict[str, Value]:
        """Return the prompts of a frame that a mask was given for."""
        sha256 = self._run.prompts.get(index)
        if sha256 is None or not self._run.keeps_prompts:
            return {}
        prompts = {}
        for number in prompted_objects(ids, sha256, is_first=index == self._first):
            digest = self._project.put_mask((ids == number).astype(np.uint8))
            item = {"type": "mask", "mask": digest}
            prompts[f"prompts/{index}/{number}"] = {"items": [item], "base": None, "mask": digest}
        return prompts
