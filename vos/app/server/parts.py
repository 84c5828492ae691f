"""What the server asks of the parts below it: frames, projects, the engine, exports.

`vos.app.server.installed` gives the real ones, and tests give doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vos.video.frames import Frame

Emit = Callable[[str, dict[str, Any]], None]
"""Takes an event's name and data, from any thread."""


class Delta(Protocol):
    """A change of a project's state, as `vos.app.project` gives it."""

    @property
    def revision(self) -> int:
        """Its number."""
        ...

    @property
    def changed(self) -> dict[str, Any]:
        """New values by key, None where one is gone."""
        ...

    @property
    def undo(self) -> str | None:
        """What an undo would take back."""
        ...

    @property
    def redo(self) -> str | None:
        """What a redo would do again."""
        ...


class Frames(Protocol):
    """Frames of a source by number."""

    name: str
    kind: Any
    size: tuple[int, int]
    fps: Fraction | None

    @property
    def count(self) -> int | None:
        """How many there are, None until it is known."""
        ...

    @property
    def count_is_exact(self) -> bool:
        """Whether the count is final."""
        ...

    @property
    def is_indexed(self) -> bool:
        """Whether the count gets no better by waiting."""
        ...

    def frame(self, index: int) -> Frame:
        """Return a frame."""
        ...

    def jpeg(self, index: int, height: int | None = None, quality: int = 90) -> bytes:
        """Return a frame as JPEG."""
        ...

    def frame_name(self, index: int) -> str:
        """Return the name that its mask has."""
        ...

    def on_index(self, callback: Callable[[], None]) -> None:
        """Call back when the count grew, is known, or an error was met."""
        ...

    def close(self) -> None:
        """Let go of files and threads."""
        ...


class Project(Protocol):
    """The state of one source's masks."""

    folder: Path
    header: Any

    @property
    def revision(self) -> int:
        """The number of the last change."""
        ...

    @property
    def undo_label(self) -> str | None:
        """What an undo would take back."""
        ...

    @property
    def redo_label(self) -> str | None:
        """What a redo would do again."""
        ...

    def items(self, prefix: str) -> dict[str, Any]:
        """Return the values whose keys start so."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state."""
        ...

    def mask(self, digest: str) -> NDArray[np.uint8]:
        """Return a mask (H, W)."""
        ...

    def subscribe(self, callback: Callable[[Any], None]) -> None:
        """Call back with the delta of each change."""
        ...

    def close(self) -> None:
        """Let go of the folder."""
        ...


class Session(Protocol):
    """The engine's work on one source."""

    def show(self, frame: int) -> None:
        """Say which frame is on the screen."""
        ...

    def add_item(self, frame: int, object_id: int, item: Mapping[str, Any]) -> Delta:
        """Add a click, box, stroke or polygon."""
        ...

    def remove_item(self, frame: int, object_id: int, index: int) -> Delta:
        """Take one away."""
        ...

    def clear_prompt(self, frame: int, object_id: int) -> Delta:
        """Take all of a frame and object away."""
        ...

    def import_mask(
        self, frame: int, path: Path, *, object_id: int | None, snap: bool = False
    ) -> Delta:
        """Take a mask file as prompts."""
        ...

    def start_propagation(self, direction: Any) -> str:
        """Start a job and return its id."""
        ...

    def cancel(self, job: str) -> None:
        """Stop a job."""
        ...

    def stale(self) -> list[list[int]]:
        """Return the ranges that a propagation would compute again."""
        ...

    def close(self) -> None:
        """Stop the jobs, and free what is kept for the source."""
        ...


@dataclass(frozen=True)
class ExportRequest:
    """What an export job is to write."""

    formats: list[str]
    options: Mapping[str, Any]
    out: Path
    source: Any
    """An export source: the masks of the project as they were when the job started."""
    on_frame: Callable[[int, int | None], None]
    """Called with frames done and in all."""
    should_stop: Callable[[], bool]


@dataclass(frozen=True)
class ExportedFile:
    """A file that an export wrote."""

    path: Path
    losses: list[str]


class Parts(Protocol):
    """Makes the parts of a source."""

    def open_frames(self, source: str, cache: Path, max_size: int | None) -> Frames:
        """Open a source; quick, without reading all of it."""
        ...

    def max_size(self, folder: Path) -> int | None:
        """Return the longest side that the frames of a project or a run are shrunk to."""
        ...

    def create_project(
        self, folder: Path, source: str, frames: Frames, max_size: int | None
    ) -> Project:
        """Start a project."""
        ...

    def open_project(self, folder: Path, frames: Frames) -> Project:
        """Go on with a project."""
        ...

    def project_of_run(self, run: Path, folder: Path, source: str, frames: Frames) -> Project:
        """Start a project with the masks of a run of `vos segment`."""
        ...

    def session(self, source_id: str, project: Any, frames: Any) -> Session:
        """Return the engine's session; the first call loads the engine."""
        ...

    def perform(self, project: Any, action: Mapping[str, Any]) -> tuple[Delta, dict[str, Any]]:
        """Do a change that needs no computing."""
        ...

    def export(self, request: ExportRequest) -> list[ExportedFile]:
        """Write masks in formats."""
        ...

    def close(self) -> None:
        """Stop the engine."""
        ...
