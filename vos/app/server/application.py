"""The application of one server: the parts put together behind the guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from vos.app.server.answers import answer_http_exception, error_response
from vos.app.server.api import Api
from vos.app.server.events import EventHub
from vos.app.server.feed import ChangeFeed
from vos.app.server.jobs.job_table import JobTable
from vos.app.server.page_files import PAGE, PageFiles
from vos.app.server.parts import Emit, Parts
from vos.app.server.security.access import Access
from vos.app.server.security.guard import Guard
from vos.app.server.sources.places import uploads_folder
from vos.app.server.sources.roots import Roots
from vos.app.server.sources.source import SourceSpec
from vos.app.server.sources.table import SourceTable

MAX_UPLOAD = 4_000_000_000
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class AppSettings:
    """What a server offers."""

    sources: Sequence[SourceSpec] = ()
    roots: Sequence[Path] = ()
    max_upload: int = MAX_UPLOAD
    max_size: int | None = None
    page: Path = PAGE


class Application:
    """Sources, jobs and events of one server, and the ASGI application that leads to them."""

    def __init__(
        self, settings: AppSettings, access: Access, make_parts: Callable[[Emit], Parts]
    ) -> None:
        self.hub = EventHub()
        self._feed = ChangeFeed(self.hub)
        self._parts = make_parts(self._emit)
        self._jobs = JobTable(self._parts, self.hub.publish)
        uploads = uploads_folder()
        roots = Roots([*settings.roots, *([uploads] if uploads.is_dir() else [])])
        self.table = SourceTable(self._parts, roots, max_size=settings.max_size)
        self.table.on_open.append(self._feed.watch)
        self.table.is_busy = self._jobs.is_busy
        self.table.add_given(settings.sources)
        api = Api(
            self.table,
            self._jobs,
            self.hub,
            PageFiles(settings.page),
            max_upload=settings.max_upload,
        )
        self.asgi: ASGIApp = Guard(_starlette(api), access, max_upload=settings.max_upload)

    def close(self) -> None:
        """Stop jobs and the engine, and close all projects; all are tried, whatever fails."""
        with ExitStack() as stack:
            stack.callback(self._feed.close)
            stack.callback(self.table.close)
            stack.callback(self._parts.close)
            stack.callback(self._jobs.close)
            stack.callback(self.hub.close)

    def _emit(self, event: str, data: dict[str, object]) -> None:
        self._jobs.emit(event, data)


def _starlette(api: Api) -> Starlette:
    source = "/api/sources/{source}"
    reading: Iterable[tuple[str, Handler]] = [
        ("/api/session", api.session),
        ("/api/entries", api.entries),
        (source, api.source),
        (source + "/frames/{frame:int}.jpg", api.frame),
        (source + "/masks/{digest}", api.mask),
        (source + "/exports/{file}", api.exported),
        ("/api/events", api.events),
    ]
    writing: Iterable[tuple[str, Handler]] = [
        ("/api/sources", api.open_source),
        ("/api/uploads", api.upload),
        (source + "/show", api.show),
        (source + "/changes", api.change),
        (source + "/masks", api.import_mask),
        (source + "/jobs", api.start_job),
        (source + "/jobs/{job}/cancel", api.cancel_job),
    ]
    routes = [Route(path, _answered(handler), methods=["GET"]) for path, handler in reading]
    routes += [Route(path, _answered(handler), methods=["POST"]) for path, handler in writing]
    routes.append(Route("/api/{rest:path}", _answered(api.unknown), methods=["GET", "POST"]))
    routes.append(Route("/{path:path}", _answered(api.page), methods=["GET"]))
    return Starlette(routes=routes, exception_handlers={HTTPException: answer_http_exception})


def _answered(handler: Handler) -> Handler:
    """Turn what a handler raises into an answer."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:
            return error_response(error)

    return endpoint
