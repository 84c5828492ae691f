"""The real parts of a source: each is loaded when it is first needed, PyTorch with the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from vos.app.server.answers import RequestError
from vos.app.server.parts import Delta, Emit, ExportedFile, ExportRequest, Frames, Project, Session
from vos.runtime.progress import status
from vos.video.frame_range import ReadingOptions

if TYPE_CHECKING:
    from vos.app.engine.engine import Engine
    from vos.app.project.header import SourceRecord
    from vos.backbones.backbone import Backbone

_NETWORK_OPTIONS = ("backbone", "weights", "checkpoint_key", "heads", "feature_stride", "untrained")
"""Options on which masks depend; the others say where the network runs."""


@dataclass(frozen=True)
class PartSettings:
    """What the parts of all sources have in common."""

    load_backbone: Callable[[], Backbone]
    """Called by the engine's thread, once it has something to compute."""
    backbone: Mapping[str, Any]
    """Its options, as projects record them."""
    project: Mapping[str, str]
    """Mode and direction of new projects."""
    reading: ReadingOptions


class InstalledParts:
    """Makes frames, projects and sessions, all with one engine."""

    def __init__(self, settings: PartSettings, emit: Emit) -> None:
        self._settings, self._emit = settings, emit
        self._engine: Engine | None = None
        self._lock = Lock()
        self._is_closed = False

    def max_size(self, folder: Path) -> int | None:
        """Return the longest side that the frames of a project or a run are shrunk to."""
        from vos.app.project.header import HEADER, ProjectHeader
        from vos.app.project.run_masks import read_run

        if (folder / HEADER).is_file():
            return ProjectHeader.read(folder).max_size
        return read_run(folder).max_size

    def open_frames(self, source: str, cache: Path, max_size: int | None) -> Frames:
        """Open a source of frames."""
        from vos.video.frame_store.store import FrameStore

        return FrameStore(source, max_size=max_size, reading=self._settings.reading, cache=cache)

    def create_project(
        self, folder: Path, source: str, frames: Frames, max_size: int | None
    ) -> Project:
        """Start a project of a source."""
        from vos.app.project.header import ProjectHeader
        from vos.app.project.project import Project as StoredProject

        header = ProjectHeader(_record(source, frames), max_size, self._settings.backbone)
        return StoredProject.create(
            folder, header, self._settings.project, name_of=frames.frame_name
        )

    def open_project(self, folder: Path, frames: Frames) -> Project:
        """Go on with a project."""
        from vos.app.project.project import Project as StoredProject

        project = StoredProject.open(folder, name_of=frames.frame_name)
        before, now = dict(project.header.backbone), self._settings.backbone
        others = sorted(name for name in _NETWORK_OPTIONS if before.get(name) != now.get(name))
        if others:
            name = others[0]
            status(
                f"the project was made with --{name.replace('_', '-')} {before.get(name)}, and "
                f"goes on with {now.get(name)}"
            )
        return project

    def project_of_run(self, run: Path, folder: Path, source: str, frames: Frames) -> Project:
        """Start a project with the masks of a run."""
        from vos.app.project.opening import project_of_run

        names = None
        if frames.kind != "video" and frames.count is not None:
            names = {frames.frame_name(index): index for index in range(frames.count)}
        return project_of_run(
            run,
            folder,
            source=_record(source, frames),
            names=names,
            name_of=frames.frame_name,
            backbone=self._settings.backbone,
        )

    def session(self, source_id: str, project: Any, frames: Any) -> Session:
        """Return the engine's session of a source."""
        with self._lock:
            if self._is_closed:
                raise RequestError("the server is stopping")
            if self._engine is None:
                from vos.app.engine.engine import Engine

                self._engine = Engine(self._settings.load_backbone, self._emit)
            engine = self._engine
        return engine.session(source_id, project, frames)

    def perform(self, project: Any, action: Mapping[str, Any]) -> tuple[Delta, dict[str, Any]]:
        """Do a change that needs no computing."""
        from vos.app.project.actions import perform

        return perform(project, action)

    def export(self, request: ExportRequest) -> list[ExportedFile]:
        """Write masks in formats."""
        from vos.app.exports.export import ExportStoppedError, export
        from vos.app.exports.formats import ExportOptions

        known = {field.name for field in fields(ExportOptions)}
        if unknown := sorted(set(request.options) - known):
            raise RequestError(f"exports have no option {unknown[0]}; expected {sorted(known)}")
        try:
            files = export(
                request.formats,
                request.source,
                request.out,
                options=ExportOptions(**request.options),
                on_frame=request.on_frame,
                should_stop=request.should_stop,
            )
        except ExportStoppedError as stop:
            raise RequestError(str(stop)) from None
        except TypeError as error:  # an option of another type
            raise RequestError(f"an option of the export cannot be used: {error}") from None
        return [ExportedFile(file.path, file.losses) for file in files]

    def close(self) -> None:
        """Stop the engine."""
        with self._lock:
            self._is_closed = True
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


def _record(source: str, frames: Frames) -> SourceRecord:
    """Return what a project says of its source."""
    from vos.app.project.header import SourceRecord

    return SourceRecord(
        path=str(Path(source).absolute()),
        kind=str(frames.kind),
        name=Path(source).name,
        size=frames.size,
        count=frames.count if frames.count_is_exact else None,
        fps=frames.fps,
    )
