"""One source of the page: closed until it is looked at, then frames, a project and a session."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, RLock
from typing import Any

from vos.app.server.answers import RequestError
from vos.app.server.parts import Delta, Frames, Parts, Project, Session
from vos.app.server.sources.places import PROJECT_ENDING, check_project, project_folder
from vos.app.server.sources.roots import PROJECT_RECORD
from vos.errors import InputError

_ENGINE_ACTIONS = frozenset({"add_item", "remove_item", "clear_prompt"})


@dataclass(frozen=True)
class SourceSpec:
    """What is opened."""

    video: str
    """The source of frames, as `vos segment` takes it."""
    name: str
    project: Path | None = None
    """The project's folder; by default `project_folder` says it."""
    run: Path | None = None
    """A folder of `vos segment` whose masks a new project starts with."""
    least_sure: float | None = None
    """The lowest confidence of the run's masks."""
    max_size: int | None = None
    """Longest side of the frames of a new project."""
    is_given: bool = False
    """Whether the command line names the video itself, so that it may lie anywhere."""

    @property
    def folder(self) -> Path:
        """Where the project lies."""
        if self.project is not None:
            return self.project
        if self.run is not None:
            return self.run.absolute().with_name(self.run.absolute().name + PROJECT_ENDING)
        return project_folder(self.video)


@dataclass
class OpenSource:
    """The parts of a source that is open."""

    video: str
    """The source of the frames."""
    frames: Frames
    project: Project
    changing: RLock = field(default_factory=RLock)
    """Held during a change: several pages change one after another."""

    def close(self) -> None:
        """Let go of the source and its project."""
        with ExitStack() as stack:
            stack.callback(self.frames.close)
            stack.callback(self.project.close)


class Source:
    """A row of the page's list of sources."""

    def __init__(self, spec: SourceSpec, parts: Parts, check: Callable[[SourceSpec], None]) -> None:
        self.id = secrets.token_hex(8)  # by chance, so that no browser keeps frames of another one
        self.spec = spec
        self.error: str | None = None
        self.on_open: list[Callable[[OpenSource], None]] = []
        self.on_session: list[Callable[[], None]] = []
        self._parts, self._check = parts, check
        self._opening, self._starting = Lock(), Lock()
        self._open: OpenSource | None = None
        self._used = 0.0
        self._session: Session | None = None
        self._is_closed = False

    def summary(self) -> dict[str, Any]:
        """Return the row as the page gets it."""
        status = "error" if self.error else "open" if self._open else "closed"
        return {
            "id": self.id,
            "name": self.spec.name,
            "status": status,
            "error": self.error,
            "least_sure": self.spec.least_sure,
        }

    def opened(self) -> OpenSource:
        """Return the open source; the first call opens it.

        Raises:
            InputError: it cannot be opened; the row says why, and the next call tries again.
        """
        with self._opening:
            if self._is_closed:
                raise RequestError("the server is stopping")
            if self._open is None:
                try:
                    self._open = self._opened()
                except (InputError, OSError) as error:
                    self.error = str(error)
                    raise
                self.error = None
                for call in self.on_open:
                    call(self._open)
            self._used = time.monotonic()
            return self._open

    def index(self) -> dict[str, Any]:
        """Return what is known of the number of frames."""
        frames = self.opened().frames
        return {
            "count": frames.count,
            "count_is_exact": frames.count_is_exact,
            "error": getattr(frames, "error", None),
        }

    def session(self) -> Session:
        """Return the engine's session; the first call may wait for the engine."""
        with self._starting:
            opened = self.opened()
            if self._session is None:
                self._session = self._parts.session(self.id, opened.project, opened.frames)
                for call in self.on_session:
                    call()
            return self._session

    def stale(self) -> list[list[int]]:
        """Return the ranges that a propagation would compute again; none before the engine runs."""
        return [] if self._session is None else self._session.stale()

    def change(self, action: Mapping[str, Any]) -> tuple[Delta, dict[str, Any]]:
        """Do a change, after those that other pages asked for before.

        Raises:
            InputError: the action is unknown, or its values cannot be used.
        """
        opened = self.opened()
        kind = action.get("action")
        if not isinstance(kind, str):
            raise RequestError(f"action is {kind!r}; expected the name of a change")
        if kind not in _ENGINE_ACTIONS:
            with opened.changing:
                return self._parts.perform(opened.project, action)
        session = self.session()
        frame, object_id = integer(action, "frame"), integer(action, "object")
        with opened.changing:
            if kind == "clear_prompt":
                return session.clear_prompt(frame, object_id), {}
            if kind == "remove_item":
                return session.remove_item(frame, object_id, integer(action, "index")), {}
            item = action.get("item")
            if not isinstance(item, dict):
                raise RequestError("add_item needs an item: a click, box, stroke or polygon")
            return session.add_item(frame, object_id, item), {}

    def idle_seconds(self) -> float | None:
        """Return how long nobody asked for the open source; None where it is closed."""
        return None if self._open is None else time.monotonic() - self._used

    def rest(self) -> None:
        """Close what is open, to have its memory; the next request opens it again."""
        with self._starting, self._opening:
            session, opened = self._session, self._open
            self._open = self._session = None
            self.on_session.clear()
            if session is not None:
                session.close()
            if opened is not None:
                try:
                    with opened.changing:
                        opened.close()
                except OSError as error:  # it is shown in the list, not to who asked for another
                    self.error = str(error)

    def close(self) -> None:
        """Close what is open; the source is not opened again."""
        with self._opening:
            self._is_closed = True
            session, opened = self._session, self._open
            self._open = self._session = None
        with ExitStack() as stack:  # the project is let go of, whatever the engine raises
            if opened is not None:
                stack.callback(opened.close)
            if session is not None:
                session.close()

    def _opened(self) -> OpenSource:
        self._check(self.spec)
        folder = self.spec.folder
        parts, spec, max_size = self._parts, self.spec, self.spec.max_size
        is_new = not (folder / PROJECT_RECORD).is_file()
        if folder.exists() or folder.is_symlink():
            check_project(folder)
        if not is_new:
            max_size = parts.max_size(folder)
        elif spec.run is not None:
            max_size = parts.max_size(spec.run)
        with ExitStack() as stack:
            frames = parts.open_frames(spec.video, folder / "cache", max_size)
            stack.callback(frames.close)
            if not is_new:
                project = parts.open_project(folder, frames)
            elif spec.run is not None:
                project = parts.project_of_run(spec.run, folder, spec.video, frames)
            else:
                project = parts.create_project(folder, spec.video, frames, max_size)
            stack.callback(project.close)
            _require_size(project, frames, spec)
            stack.pop_all()
            return OpenSource(spec.video, frames, project)


def integer(values: Mapping[str, Any], name: str) -> int:
    """Return a whole number of a request.

    Raises:
        RequestError: it lacks, or is something else.
    """
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 31:
        raise RequestError(f"{name} is {value!r}; expected a whole number from 0 on")
    return value


def _require_size(project: Project, frames: Frames, spec: SourceSpec) -> None:
    size = tuple(project.header.source.size)
    if size != tuple(frames.size):
        (height, width), (now_height, now_width) = size, frames.size
        raise InputError(
            f"the project {project.folder} is of frames of {width}x{height}, and {spec.video} has "
            f"{now_width}x{now_height}; move the project away to start a new one, or put the "
            "video back"
        )
