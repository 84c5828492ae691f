"""A stand-in for the app's server, so that the page is tested alone: its API, kept in memory."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.vos.app.page.fake_project import ActionError, FakeProject
from vos.app import __file__ as APP_FILE

PAGE = Path(APP_FILE).parent / "page"
HEIGHT, WIDTH = 180, 320
POLICY = "default-src 'self'; img-src 'self' blob: data:"


def picture(number: int) -> np.ndarray:
    """A frame with a disc that moves, and its number."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack([90 + rows // 4, 110 + columns // 8, 120 - rows // 5], axis=2)
    image = image.astype(np.uint8)
    cv2.circle(image, (60 + 3 * number, 90), 26, (60, 90, 200), -1)
    cv2.circle(image, (250, 40 + number), 18, (80, 170, 90), -1)
    return image


class FakeServer:
    """Answers the page's requests; tests set its fields to make it fail or wait."""

    def __init__(self, count: int = 60) -> None:
        self.count = count
        self.sources: dict[str, FakeProject] = {}
        self.names: dict[str, str] = {}
        self.unopenable: dict[str, str] = {}  # why sources of the command line cannot be opened
        self.fail_next: list[str] = []  # sentences that the next changes fail with
        self.requests: list[tuple[str, Any]] = []
        self.queues: list[asyncio.Queue] = []
        self.job_step = asyncio.Event()
        self.job_seconds = 0.004
        self.change_seconds = 0.0
        self.cancelled: set[str] = set()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.tasks: set[asyncio.Task] = set()
        self.least_sure: dict[str, float] = {}
        self.is_down = False
        self.is_counted = True
        self.app = Starlette(routes=self.routes())

    def routes(self) -> list[Route]:
        source = "/api/sources/{source}"
        return [
            Route("/api/session", self.session),
            Route("/api/entries", self.entries),
            Route("/api/events", self.events),
            Route("/api/sources", self.add_source, methods=["POST"]),
            Route("/api/uploads", self.upload, methods=["POST"]),
            Route(source, self.source),
            Route(f"{source}/frames/{{number:int}}.jpg", self.frame),
            Route(f"{source}/masks/{{digest}}", self.mask),
            Route(f"{source}/masks", self.import_mask, methods=["POST"]),
            Route(f"{source}/show", self.show, methods=["POST"]),
            Route(f"{source}/changes", self.change, methods=["POST"]),
            Route(f"{source}/jobs", self.start_job, methods=["POST"]),
            Route(f"{source}/jobs/{{job}}/cancel", self.cancel_job, methods=["POST"]),
            Route(f"{source}/exports/{{file}}", self.exported),
            Route("/{path:path}", self.page),
        ]

    # --- what tests do to it

    def add(self, name: str = "clip.mp4") -> str:
        source = f"s{len(self.sources) + 1}"
        self.sources[source] = FakeProject(HEIGHT, WIDTH)
        self.names[source] = name
        return source

    def send(self, event: str, data: dict[str, Any]) -> None:
        for queue in self.queues:
            queue.put_nowait(f"event: {event}\ndata: {json.dumps(data)}\n\n")

    def drop_connections(self) -> None:
        for queue in self.queues:
            queue.put_nowait(None)

    # --- routes

    async def page(self, request: Request) -> Response:
        path = PAGE / (request.path_params["path"] or "index.html")
        if not path.is_file():
            return JSONResponse({"error": "There is no such page."}, 404)
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return FileResponse(path, headers=headers)

    async def session(self, _request: Request) -> Response:
        rows = [
            {"id": key, "name": name, "error": self.unopenable.get(key),
             "status": "error" if key in self.unopenable else "closed",
             "least_sure": self.least_sure.get(key)}
            for key, name in self.names.items()
        ]  # fmt: skip
        roots = [{"id": "r1", "name": "videos"}]
        answer = {"version": "0", "sources": rows, "roots": roots, "max_upload": 100_000}
        return JSONResponse(answer)

    async def entries(self, request: Request) -> Response:
        if request.query_params.get("entry") == "e1":
            return JSONResponse({"entries": [{"id": "e3", "name": "inside.mp4", "kind": "video"}]})
        rows = [("e1", "folder", "folder"), ("e2", "bear.mp4", "video"), ("e4", "old run", "run")]
        return JSONResponse({"entries": [{"id": i, "name": n, "kind": k} for i, n, k in rows]})

    async def add_source(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(("add_source", body))
        if body.get("path") == "/none.mp4":
            return JSONResponse({"error": "/none.mp4: there is no such file."}, 400)
        return JSONResponse({"source": self.add("demo.mp4" if body.get("demo") else "clip.mp4")})

    async def upload(self, request: Request) -> Response:
        self.requests.append(("upload", len(await request.body())))
        return JSONResponse({"source": self.add(request.query_params["name"])})

    async def source(self, request: Request) -> Response:
        key = request.path_params["source"]
        project = self.sources[key]
        facts = {"id": key, "name": self.names[key], "kind": "video", "fps": 25.0}
        facts |= {"count": self.count, "count_is_exact": self.is_counted}
        facts |= {"width": WIDTH, "height": HEIGHT}
        jobs = [job for job in self.jobs.values() if job["source"] == key]
        return JSONResponse(facts | project.delta({}) | {"state": project.state, "jobs": jobs})

    async def frame(self, request: Request) -> Response:
        number = request.path_params["number"]
        if number == 55:
            return JSONResponse({"error": "Frame 55 of clip.mp4 cannot be decoded."}, 422)
        image = picture(number)
        if height := int(request.query_params.get("height", 0)):
            image = cv2.resize(image, (WIDTH * height // HEIGHT, height))
        data = cv2.imencode(".jpg", image)[1].tobytes()
        return Response(data, media_type="image/jpeg")

    async def mask(self, request: Request) -> Response:
        ids = self.sources[request.path_params["source"]].masks[request.path_params["digest"]]
        pixels = ids.ravel()
        starts = np.concatenate(([0], np.flatnonzero(np.diff(pixels)) + 1))
        lengths = np.diff(starts, append=pixels.size)
        runs = np.stack((pixels[starts], lengths), axis=1).ravel().tolist()
        return JSONResponse({"height": HEIGHT, "width": WIDTH, "runs": runs})

    async def show(self, request: Request) -> Response:
        frame = (await request.json())["frame"]
        source = request.path_params["source"]
        self.requests.append(("show", frame))
        for state in ("computing", "ready"):
            self.send("features", {"source": source, "frame": frame, "state": state})
        return JSONResponse({})

    async def change(self, request: Request) -> Response:
        action = await request.json()
        self.requests.append(("change", action))
        await asyncio.sleep(self.change_seconds)
        if self.fail_next:
            return JSONResponse({"error": self.fail_next.pop(0)}, 422)
        source = request.path_params["source"]
        try:
            delta, result = self.sources[source].perform(action)
        except ActionError as error:
            return JSONResponse({"error": str(error)}, 422)
        self.send("changed", {"source": source, **delta})
        return JSONResponse({**delta, "result": result})

    async def import_mask(self, request: Request) -> Response:
        source, frame = request.path_params["source"], int(request.query_params["frame"])
        self.requests.append(("import_mask", dict(request.query_params)))
        picture_bytes = np.frombuffer(await request.body(), np.uint8)
        ids = cv2.imdecode(picture_bytes, cv2.IMREAD_UNCHANGED)
        if ids is None or ids.shape != (HEIGHT, WIDTH):
            sentence = "The mask has another size than the frame, 320 x 180 pixels."
            return JSONResponse({"error": sentence}, 422)
        project = self.sources[source]
        changes = project.do_add_object({})[0] if "objects/1" not in project.state else {}
        changes[f"frames/{frame}"] = project.frame_entry(ids, "import", 1.0)
        delta = project.change("import mask", changes)
        self.send("changed", {"source": source, **delta})
        return JSONResponse({**delta, "result": {}})

    async def start_job(self, request: Request) -> Response:
        order, source = await request.json(), request.path_params["source"]
        self.requests.append(("job", order))
        job = f"j{len(self.jobs) + 1}"
        self.jobs[job] = {"source": source, "job": job, "kind": order["kind"], "state": "queued",
                          "done": 0, "total": self.count, "rate": None, "remaining": None,
                          "error": None, "result": None}  # fmt: skip
        run = self.propagate if order["kind"] == "propagate" else self.export
        task = asyncio.create_task(run(job, source, order))
        self.tasks.add(task)
        return JSONResponse({"job": job})

    async def cancel_job(self, request: Request) -> Response:
        self.cancelled.add(request.path_params["job"])
        return JSONResponse({})

    def tell(self, job: str, **fields: Any) -> None:
        self.jobs[job] |= fields
        self.send("job", self.jobs[job])

    async def propagate(self, job: str, source: str, order: dict[str, Any]) -> None:
        project = self.sources[source]
        first = min(int(k.split("/")[1]) for k in project.state if k.startswith("prompts/"))
        start = project.masks[project.state[f"frames/{first}"]["mask"]]
        joined = False
        for done, frame in enumerate(range(self.count)):
            await asyncio.sleep(self.job_seconds)
            if job in self.cancelled:
                self.tell(job, state="cancelled")
                return
            is_kept = f"checked/{frame}" in project.state or any(
                key.startswith(f"prompts/{frame}/") for key in project.state
            )
            if not is_kept and (order["direction"] == "both" or frame > first):
                ids = np.roll(start, 3 * (frame - first), axis=1)
                sure = 0.35 if frame == 40 else 0.95 - abs(frame - first) / 400
                entry = project.frame_entry(ids, "propagation", sure)
                changes = {f"frames/{frame}": entry}
                delta = project.change("propagation", changes, join=joined)
                joined = True
                self.send("changed", {"source": source, **delta})
            self.tell(job, state="running", done=done + 1, rate=8.2, remaining=self.count - done)
        project.stale = []
        self.send("changed", {"source": source, **project.delta({})})
        self.tell(job, state="done")

    async def export(self, job: str, _source: str, order: dict[str, Any]) -> None:
        for done in range(0, self.count, 10):
            await asyncio.sleep(self.job_seconds)
            self.tell(job, state="running", done=done, total=self.count)
            if job in self.cancelled:
                self.tell(job, state="cancelled")
                return
        losses = {"cvat": ["2 holes of object 1 are filled on frame 3."]}
        files = [
            {"id": f"f-{name}", "name": f"clip-{name}.zip", "bytes": 123_456,
             "losses": losses.get(name, [])}
            for name in order["formats"]
        ]  # fmt: skip
        self.tell(job, state="done", result={"files": files})

    async def exported(self, request: Request) -> Response:
        headers = {"Content-Disposition": f"attachment; filename={request.path_params['file']}.zip"}
        return Response(b"exported", headers=headers)

    async def events(self, _request: Request) -> Response:
        if self.is_down:
            return JSONResponse({"error": "The server is going down."}, 503)
        queue: asyncio.Queue = asyncio.Queue()
        self.queues.append(queue)

        async def stream() -> Any:
            yield ": open\n\n"
            try:
                while (message := await queue.get()) is not None:
                    yield message
            finally:
                self.queues.remove(queue)

        return StreamingResponse(stream(), media_type="text/event-stream")


class RunningServer:
    """A `FakeServer` on a port of its own, in a thread."""

    def __init__(self, fake: FakeServer) -> None:
        self.fake = fake
        config = uvicorn.Config(fake.app, port=0, log_level="error", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            self.thread.join(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}/"
        self.loop = next(iter(self.server.servers)).get_loop()

    def call(self, function: Any, *arguments: Any) -> None:
        """Call a function of the fake in the server's loop."""
        self.loop.call_soon_threadsafe(function, *arguments)

    def close(self) -> None:
        self.call(self.fake.drop_connections)
        self.server.should_exit = True
        self.server.force_exit = True
        self.thread.join(5)
