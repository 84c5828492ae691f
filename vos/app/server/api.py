"""The routes: requests read, checked and handed to sources, jobs and events; never on the loop."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from vos._version import __version__
from vos.app.server.answers import RequestError, UnknownIdError, json_response
from vos.app.server.events import EventHub
from vos.app.server.feed import change
from vos.app.server.jobs.job_table import JobTable
from vos.app.server.page_files import PageFiles
from vos.app.server.payloads import document, mask_runs
from vos.app.server.security.bodies import read_json, save_body
from vos.app.server.sources.places import new_upload, safe_name
from vos.app.server.sources.source import Source, integer
from vos.app.server.sources.table import SourceTable
from vos.errors import InputError

_Value = TypeVar("_Value")
MASK_FILE_BYTES = 256_000_000
_THUMBNAIL_HEIGHTS = range(8, 2161)
_PICTURE_THREADS, _CHANGE_THREADS = 4, 12
_FOR_EVER = "private, max-age=31536000, immutable"
_DIRECTIONS = ("both", "forward", "backward")


class Api:
    """Answers the requests of one server's page."""

    def __init__(
        self,
        table: SourceTable,
        jobs: JobTable,
        hub: EventHub,
        page: PageFiles,
        *,
        max_upload: int,
    ) -> None:
        self._table, self._jobs, self._hub, self._page = table, jobs, hub, page
        self._max_upload = max_upload
        self._pictures = CapacityLimiter(_PICTURE_THREADS)  # so that changes never wait for them
        self._changes = CapacityLimiter(_CHANGE_THREADS)

    async def page(self, request: Request) -> Response:
        """GET / and the page's files."""
        return await self._aside(self._page.answer, request)

    async def session(self, _request: Request) -> Response:
        """GET /api/session."""
        return json_response(
            {
                "version": __version__,
                "sources": [source.summary() for source in self._table.rows()],
                "roots": [{"id": id_, "name": name} for id_, name in self._table.roots.listing()],
                "max_upload": self._max_upload,
            }
        )

    async def entries(self, request: Request) -> Response:
        """GET /api/entries."""
        entry = request.query_params.get("root") or request.query_params.get("entry")
        if not entry:
            raise RequestError("give the id of a root or of an entry")
        listed = await self._aside(
            lambda: self._table.roots.entries(self._table.roots.path_of(entry))
        )
        return json_response({"entries": [vars(each) for each in listed]})

    async def open_source(self, request: Request) -> Response:
        """POST /api/sources."""
        body = await read_json(request)
        match body:
            case {"entry": str(entry), **rest} if not rest:
                path = self._table.roots.path_of(entry)
                source = await self._aside(self._table.open_path, path)
            case {"path": str(text), **rest} if not rest and text.strip():
                source = await self._aside(self._table.open_path, text.strip())
            case {"demo": True, **rest} if not rest:
                source = await self._aside(self._table.open_demo)
            case _:
                raise RequestError('expected {"entry": id}, {"path": text} or {"demo": true}')
        return json_response({"source": source.id})

    async def upload(self, request: Request) -> Response:
        """POST /api/uploads."""
        path = await self._aside(new_upload, request.query_params.get("name", "video"))
        try:
            await save_body(request, path, self._max_upload)
            source = await self._aside(self._table.open_upload, path)
        except (InputError, OSError) as error:
            shutil.rmtree(path.parent, ignore_errors=True)
            if type(error) is InputError:  # it names a place that the user does not know
                raise RequestError(str(error).replace(str(path), path.name)) from None
            raise
        return json_response({"source": source.id})

    async def source(self, request: Request) -> Response:
        """GET /api/sources/S."""
        source = self._source(request)
        answer = await self._aside(document, source, self._jobs)
        await self._aside(self._table.let_rest)
        return json_response(answer)

    async def frame(self, request: Request) -> Response:
        """GET /api/sources/S/frames/N.jpg."""
        source, number = self._source(request), request.path_params["frame"]
        height = _number(request, "height")
        if height is not None and height not in _THUMBNAIL_HEIGHTS:
            raise RequestError(f"height is {height}; expected 8 to 2160")
        if number >= 1 << 31:
            raise RequestError(f"there is no frame {number}")

        def jpeg() -> bytes:
            return source.opened().frames.jpeg(number, height)

        data = await to_thread.run_sync(jpeg, limiter=self._pictures)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": _FOR_EVER})

    async def mask(self, request: Request) -> Response:
        """GET /api/sources/S/masks/DIGEST."""
        source, digest = self._source(request), request.path_params["digest"]
        payload = await self._aside(lambda: mask_runs(source.opened().project, digest))
        headers = {"Cache-Control": _FOR_EVER, "ETag": f'"{digest}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        answer = json_response(payload)
        answer.headers.update(headers)
        return answer

    async def show(self, request: Request) -> Response:
        """POST /api/sources/S/show."""
        source = self._source(request)
        frame = integer(await read_json(request), "frame")
        await self._change(lambda: source.session().show(frame))
        return json_response({})

    async def change(self, request: Request) -> Response:
        """POST /api/sources/S/changes."""
        source = self._source(request)
        action = await read_json(request)

        def changed() -> dict[str, Any]:
            delta, result = source.change(action)
            return {**change(delta, source.stale()), "result": result}

        return json_response(await self._change(changed))

    async def import_mask(self, request: Request) -> Response:
        """POST /api/sources/S/masks."""
        source = self._source(request)
        frame, object_id = _number(request, "frame"), _number(request, "object")
        if frame is None:
            raise RequestError("give the frame that the mask is of: ?frame=N")
        name = safe_name(unquote(request.headers.get("x-file-name", "mask.png")))
        opened = await self._aside(source.opened)
        with tempfile.TemporaryDirectory(prefix="vos-mask-") as folder:
            path = Path(folder) / name
            await save_body(request, path, min(MASK_FILE_BYTES, self._max_upload))

            def changed() -> dict[str, Any]:
                session = source.session()
                with opened.changing:
                    delta = session.import_mask(
                        frame,
                        path,
                        object_id=object_id,
                        snap=request.query_params.get("snap") == "1",
                    )
                return {**change(delta, source.stale()), "result": {}}

            return json_response(await self._change(changed))

    async def start_job(self, request: Request) -> Response:
        """POST /api/sources/S/jobs."""
        source = self._source(request)
        body = await read_json(request)
        kind = body.get("kind")
        if kind == "export":
            job = await self._aside(
                self._jobs.start_export, source, body.get("formats"), body.get("options", {})
            )
        elif kind == "propagate":
            direction = body.get("direction", "both")
            if direction not in _DIRECTIONS:
                raise RequestError(f"direction is {direction!r}; expected {', '.join(_DIRECTIONS)}")
            job = await self._change(lambda: source.session().start_propagation(direction))
        else:
            raise RequestError(f"kind is {kind!r}; expected propagate or export")
        return json_response({"job": job})

    async def cancel_job(self, request: Request) -> Response:
        """POST /api/sources/S/jobs/J/cancel."""
        source = self._source(request)
        await read_json(request)
        await self._change(partial(self._jobs.cancel, source, request.path_params["job"]))
        return json_response({})

    async def exported(self, request: Request) -> Response:
        """GET /api/sources/S/exports/ID."""
        path = self._jobs.file(self._source(request), request.path_params["file"])
        return FileResponse(
            path,
            filename=safe_name(path.name),
            media_type="application/octet-stream",
            headers={"Cache-Control": "no-store"},
        )

    async def events(self, request: Request) -> Response:
        """GET /api/events."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=headers)
        return StreamingResponse(
            self._hub.connect(), media_type="text/event-stream", headers=headers
        )

    async def unknown(self, _request: Request) -> Response:
        """Whatever else begins with /api/."""
        raise UnknownIdError("there is no such address")

    def _source(self, request: Request) -> Source:
        return self._table.source(request.path_params["source"])

    async def _aside(self, call: Callable[..., _Value], *arguments: Any) -> _Value:
        return await to_thread.run_sync(partial(call, *arguments))

    async def _change(self, call: Callable[[], _Value]) -> _Value:
        return await to_thread.run_sync(call, limiter=self._changes)


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        raise RequestError(f"{name} is {text[:20]!r}; expected a whole number from 0 on")
    return integer({name: int(text)}, name)
