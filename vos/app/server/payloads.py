"""What answers hold: the document of a source, and masks as runs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.app.server.answers import UnknownIdError
from vos.app.server.jobs.job_table import JobTable
from vos.app.server.parts import Project
from vos.app.server.sources.source import Source

_DIGEST = re.compile(r"[0-9a-f]{8,128}")
_TRIES = 20


def document(source: Source, jobs: JobTable) -> dict[str, Any]:
    """Return everything that the page shows of a source; opens it."""
    opened = source.opened()
    height, width = opened.frames.size
    return {
        "id": source.id,
        "name": source.spec.name,
        "kind": opened.frames.kind,
        **source.index(),
        "width": width,
        "height": height,
        "fps": None if opened.frames.fps is None else float(opened.frames.fps),
        **_state(opened.project),
        "stale": source.stale(),
        "jobs": jobs.of(source),
    }


def mask_runs(project: Project, digest: str) -> dict[str, Any]:
    """Return a mask as the runs of its pixels, row by row.

    Raises:
        UnknownIdError: the project has no such mask.
    """
    if not _DIGEST.fullmatch(digest):
        raise UnknownIdError("there is no such mask")
    try:
        ids = project.mask(digest)
    except (KeyError, FileNotFoundError):
        raise UnknownIdError("there is no such mask") from None
    height, width = ids.shape
    return {"height": height, "width": width, "runs": runs(ids)}


def runs(ids: NDArray[np.uint8]) -> list[int]:
    """Return value and length of each run of equal pixels of a mask (H, W), row by row."""
    pixels = ids.ravel()
    starts = np.concatenate(([0], np.flatnonzero(pixels[1:] != pixels[:-1]) + 1))
    lengths = np.diff(starts, append=pixels.size)
    pairs: list[int] = np.stack((pixels[starts].astype(np.int64), lengths), axis=1).ravel().tolist()
    return pairs


def _state(project: Project) -> dict[str, Any]:
    """Return the state with its revision; tried again where a change came between."""
    for _ in range(_TRIES):
        revision = project.revision
        state = {
            "revision": revision,
            "state": project.snapshot(),
            "undo": project.undo_label,
            "redo": project.redo_label,
        }
        if project.revision == revision:
            break
    return state
