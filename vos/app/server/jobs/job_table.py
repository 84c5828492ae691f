"""Jobs by id: what the engine says of its propagations, and exports, which run in threads here."""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from vos.app.server.answers import ConflictError, RequestError, UnknownIdError
from vos.app.server.parts import Emit, ExportRequest, Parts
from vos.app.server.sources.source import OpenSource, Source
from vos.errors import InputError

_JOBS_OF_A_SOURCE = 20
_EXPORTS_WAITING = 8
_EVENT_SECONDS = 0.2
_ENDS = frozenset({"done", "cancelled", "failed"})


@dataclass
class _Export:
    """One export."""

    source: Source
    opened: OpenSource
    formats: list[str]
    options: Mapping[str, Any]
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    stop: Event = field(default_factory=Event)
    started: float = 0.0
    reported: float = 0.0


class JobTable:
    """The last word on every job, and the files that exports wrote."""

    def __init__(self, parts: Parts, publish: Emit) -> None:
        self._parts, self._publish = parts, publish
        self._jobs: dict[str, dict[str, dict[str, Any]]] = {}
        self._exports: dict[str, _Export] = {}
        self._files: dict[tuple[str, str], Path] = {}
        self._lock, self._one_export = Lock(), Lock()

    def emit(self, event: str, data: dict[str, Any]) -> None:
        """Take an event of the engine: remember jobs, and hand it on."""
        if event == "job":
            with self._lock:
                jobs = self._jobs.setdefault(str(data.get("source")), {})
                jobs.pop(str(data.get("job")), None)
                jobs[str(data.get("job"))] = data
                ended = [job for job, last in jobs.items() if last.get("state") in _ENDS]
                for job in ended[: max(len(jobs) - _JOBS_OF_A_SOURCE, 0)]:
                    del jobs[job]
        self._publish(event, data)

    def of(self, source: Source) -> list[dict[str, Any]]:
        """Return the last event of each job of a source."""
        with self._lock:
            return list(self._jobs.get(source.id, {}).values())

    def is_busy(self, source: Source) -> bool:
        """Say whether a source has jobs that have not ended."""
        return any(last.get("state") not in _ENDS for last in self.of(source))

    def start_export(self, source: Source, formats: Any, options: Any) -> str:
        """Start an export and return its job's id.

        Raises:
            InputError: the request is of another form.
            ConflictError: too many wait.
        """
        texts = isinstance(formats, list) and all(isinstance(name, str) for name in formats)
        if not texts or not formats or not isinstance(options, dict):
            raise RequestError("an export needs formats, a list of names, and perhaps options")
        export = _Export(source, source.opened(), list(dict.fromkeys(formats)), options)
        with self._lock:
            if len(self._exports) >= _EXPORTS_WAITING:
                raise ConflictError(f"{_EXPORTS_WAITING} exports wait already; cancel some")
            self._exports[export.id] = export
        self._report(export, "queued")
        Thread(target=self._run, args=(export,), name=f"export {export.id}", daemon=True).start()
        return export.id

    def cancel(self, source: Source, job: str) -> None:
        """Stop a job; one that has ended stays as it is.

        Raises:
            UnknownIdError: the source has no such job.
        """
        with self._lock:
            is_known = job in self._jobs.get(source.id, {})
            export = self._exports.get(job)
        if not is_known:
            raise UnknownIdError("there is no such job")
        if export is not None:
            export.stop.set()
        elif self._state_of(source, job) not in _ENDS:
            source.session().cancel(job)

    def file(self, source: Source, file_id: str) -> Path:
        """Return a file that an export wrote.

        Raises:
            UnknownIdError: there is none of that id, or it is gone.
        """
        path = self._files.get((source.id, file_id))
        if path is None or not path.is_file():
            raise UnknownIdError("there is no such export; export again")
        return path

    def close(self) -> None:
        """Stop all exports."""
        with self._lock:
            for export in self._exports.values():
                export.stop.set()

    def _state_of(self, source: Source, job: str) -> str:
        with self._lock:
            return str(self._jobs.get(source.id, {}).get(job, {}).get("state"))

    def _run(self, export: _Export) -> None:
        try:
            with self._one_export:
                if not export.stop.is_set():
                    export.started = time.monotonic()
                    self._report(export, "running")
                    result = self._exported(export)
            if export.stop.is_set():
                self._report(export, "cancelled")
            else:
                self._report(export, "done", result=result)
        except Exception as error:  # whatever it is, the page is told
            stopped = export.stop.is_set() and isinstance(error, InputError)
            if not isinstance(error, InputError | OSError):
                with suppress(OSError):  # where it goes may be full too
                    traceback.print_exc()
            self._report(
                export, "cancelled" if stopped else "failed", error=None if stopped else str(error)
            )
        finally:
            with self._lock:
                self._exports.pop(export.id, None)

    def _exported(self, export: _Export) -> dict[str, Any]:
        from vos.app.exports.sources.project_source import ProjectMasks  # which loads PyTorch

        opened = export.opened
        masks = ProjectMasks.of(
            opened.project.snapshot(), opened.project.mask, opened.frames, video=opened.video,
            name=export.source.spec.name, should_stop=export.stop.is_set,
        )  # fmt: skip

        def on_frame(done: int, total: int | None = None) -> None:
            now = time.monotonic()
            if now - export.reported >= _EVENT_SECONDS:
                export.reported = now
                self._report(export, "running", done=done, total=total or masks.count)

        out = export.opened.project.folder / "exports" / time.strftime("%Y%m%d-%H%M%S")
        request = ExportRequest(
            export.formats, export.options, out, masks, on_frame, export.stop.is_set
        )
        files = []
        for written in self._parts.export(request):
            file_id = secrets.token_hex(8)
            self._files[export.source.id, file_id] = written.path
            size = written.path.stat().st_size
            files.append(
                {"id": file_id, "name": written.path.name, "bytes": size, "losses": written.losses}
            )
        return {"files": files}

    def _report(
        self,
        export: _Export,
        state: str,
        *,
        done: int = 0,
        total: int | None = None,
        error: str | None = None,
        result: Any = None,
    ) -> None:
        seconds = time.monotonic() - export.started
        rate = done / seconds if done and seconds > 0 else None
        left = (total - done) / rate if rate and total else None
        self.emit(
            "job",
            {
                "source": export.source.id,
                "job": export.id,
                "kind": "export",
                "state": state,
                "done": done,
                "total": total,
                "rate": rate,
                "remaining": left,
                "error": error,
                "result": result,
            },
        )
