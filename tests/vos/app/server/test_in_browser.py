"""The page and its server in a real browser with the real parts, and another site's attacks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.vos.app.server.test_installed import pictures  # noqa: F401
from tests.vos.app.server.test_serving import ROOT

pytest.importorskip("torch", reason="needs PyTorch, which is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
ATTACK = """
<!doctype html><iframe src="{own}/"></iframe>
<img id="image" src="{own}{source}/frames/0.jpg">
<script type="module">
const results = {{}};
const tries = {{
  read: () => fetch("{own}/api/session", {{credentials: "include"}}),
  blind: () => fetch("{own}{source}/changes", {{method: "POST", mode: "no-cors",
    credentials: "include", body: '{{"action": "add_object"}}'}}).then((a) => a.type + a.status),
  json: () => fetch("{own}{source}/changes", {{method: "POST", credentials: "include",
    headers: {{"Content-Type": "application/json"}}, body: '{{"action": "add_object"}}'}}),
  events: () => new Promise((take, refuse) => {{
    const stream = new EventSource("{own}/api/events", {{withCredentials: true}});
    stream.onopen = () => take("open"); stream.onerror = () => refuse("closed"); }}),
  socket: () => new Promise((take, refuse) => {{
    const socket = new WebSocket("{own}/api/events".replace("http", "ws"));
    socket.onopen = () => take("open"); socket.onerror = () => refuse("closed"); }}),
}};
for (const [name, call] of Object.entries(tries)) {{
  try {{ results[name] = String(await call()); }} catch (error) {{ results[name] = "refused"; }}
}}
results.image = document.getElementById("image").naturalWidth;
window.results = results;
</script>
"""


@pytest.fixture
def address(pictures, monkeypatch):  # noqa: F811
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    process = subprocess.Popen(
        [sys.executable, "-m", "vos", "app", str(pictures), "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield re.search(r"http\S+", process.stdout.readline())[0]
    process.terminate()
    process.communicate(timeout=60)


@pytest.fixture
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def open_page(context, address, errors):
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: line.type == "error" and errors.append(line.text))
    page.goto(address)
    page.wait_for_selector('body[data-state="ready"]:not([data-frame=""])')
    return page


def test_a_click_is_propagated_and_shown_in_both_browsers(address, chromium):
    errors: list[str] = []
    pages = [open_page(chromium.new_context(), address, errors) for _ in range(2)]
    page, other = pages
    assert "token" not in page.url
    assert page.evaluate("document.cookie") == ""
    canvas = page.locator("#canvas")
    box = canvas.bounding_box()
    scale, left, top = (float(canvas.get_attribute(f"data-{n}")) for n in ("scale", "left", "top"))
    page.mouse.click(box["x"] + left + 24 * scale, box["y"] + top + 32 * scale)
    page.wait_for_selector('body:not([data-mask=""])')
    other.wait_for_selector('body:not([data-mask=""])')
    page.click("#propagate")
    source = page.evaluate(
        "fetch('api/session').then((a) => a.json()).then((s) => s.sources[0].id)"
    )
    for _ in range(1200):
        last = page.evaluate(f"fetch('api/sources/{source}').then((a) => a.json())")
        if [job["state"] for job in last["jobs"]] == ["done"]:
            break
        page.wait_for_timeout(100)
    assert sum(key.startswith("frames/") for key in last["state"]) == last["count"]
    for each in pages:
        each.wait_for_selector(f'body[data-revision="{last["revision"]}"]')
    assert errors == []


class _Site(BaseHTTPRequestHandler):
    """Another site, which knows the address of the server."""

    def __init__(self, text, *arguments):
        self.text = text
        super().__init__(*arguments)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.text.encode())

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_site_in_the_same_browser_gets_nothing(address, chromium, host):
    context = chromium.new_context()
    page = open_page(context, address, [])
    document = "fetch('api/session').then((a) => a.json()).then((s) => s.sources[0].id)"
    source = f"/api/sources/{page.evaluate(document)}"
    own = re.match(r"http://[^/]+", address)[0]
    text = ATTACK.format(own=own, source=source)
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Site, text))
    Thread(target=site.serve_forever, daemon=True).start()
    try:
        evil = context.new_page()
        evil.goto(f"http://{host}:{site.server_port}/")
        evil.wait_for_function("window.results !== undefined", timeout=60_000)
        results = evil.evaluate("window.results")
    finally:
        site.shutdown()
        site.server_close()
    blind = results.pop("blind")
    assert blind in ("refused", "opaque0"), blind
    assert results == {
        "read": "refused", "json": "refused", "events": "refused", "socket": "refused", "image": 0,
    }  # fmt: skip
    framed = evil.frames[1] if len(evil.frames) > 1 else None
    assert framed is None or framed.locator("#canvas").count() == 0
    state = page.evaluate(f"fetch('{source}').then((a) => a.json())")["state"]
    assert not [key for key in state if key.startswith("objects/")]
