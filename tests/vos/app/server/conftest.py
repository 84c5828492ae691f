from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.vos.app.server.doubles import Parts
from vos.app.server.application import Application, AppSettings
from vos.app.server.security.access import Access
from vos.app.server.sources.source import SourceSpec

PORT = 8123
OWN = f"http://127.0.0.1:{PORT}"


class Served:
    """An application of doubles, and a browser that has its cookie."""

    def __init__(self, folder, **settings):
        self.folder = folder
        self.page = folder / "page"
        self.page.mkdir(exist_ok=True)
        (self.page / "index.html").write_text("<!doctype html><title>page</title>")
        (self.page / "app.js").write_text("export const x = 1;")
        (self.page / "notes.txt").write_text("no page")
        self.access = Access("127.0.0.1", PORT)

        def make_parts(emit):
            self.parts = Parts(emit)
            return self.parts

        given = {"roots": [folder / "root"], "page": self.page} | settings
        self.application = Application(AppSettings(**given), self.access, make_parts)
        self.stranger = self.client()
        self.browser = self.client()
        self.browser.get(f"/?token={self.access.token}")

    def client(self):
        return TestClient(self.application.asgi, base_url=OWN, raise_server_exceptions=False)

    def post(self, path, body=None, **changes):
        headers = {"Origin": OWN, "Content-Type": "application/json"} | changes.pop("headers", {})
        headers = {name: value for name, value in headers.items() if value is not None}
        content = (
            {"content": changes.pop("content")} if "content" in changes else {"json": body or {}}
        )
        return self.browser.post(path, headers=headers, **content, **changes)

    def send(self, path, data, **headers):
        """POST a file."""
        return self.post(
            path, content=data, headers={"Content-Type": "application/octet-stream"} | headers
        )


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "root" / "clip.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(600))
    return path


@pytest.fixture
def serve(tmp_path, clip, monkeypatch):
    """Return what starts an application of doubles."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    started = []

    def start(**settings):
        started.append(Served(tmp_path, **settings))
        return started[-1]

    yield start
    for served in started:
        served.application.close()


@pytest.fixture
def served(serve, clip):
    return serve(sources=[SourceSpec(str(clip), "clip.mp4", is_given=True)])


@pytest.fixture
def source(served):
    """The address of the one source."""
    row = served.browser.get("/api/session").json()["sources"][0]
    return f"/api/sources/{row['id']}"
