"""`vos app` in a process of its own, and a user of its page, who waits for states."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from tests.vos.app.page.conftest import OpenPage

ROOT = Path(__file__).resolve().parents[4]
WAIT_MS = 240_000
_SETTLED = """async ([source, least, most]) => {
  const {dataset} = document.body;
  for (const start = performance.now(); ;) {
    const answer = await (await fetch(`api/sources/${source}`)).json();
    const entry = answer.state[`frames/${dataset.frame}`];
    const isFinal = Object.entries(answer.state)
      .every(([key, value]) => !key.startsWith("frames/") || !value.provisional);
    const isShown = Number(dataset.revision) >= answer.revision && dataset.provisional === "false"
      && dataset.mask === (entry ? entry.mask : "");
    if (isFinal && isShown && answer.revision >= least) return;
    if (performance.now() - start > most) {
      throw new Error(`not settled: ${document.getElementById("error-text").textContent} `
        + JSON.stringify([{...dataset}, answer.revision, least, entry]));
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}"""


class AppProcess:
    """The server, as the command starts it."""

    fake = None  # it is the real one

    def __init__(
        self, *arguments: object, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.errors = folder / "stderr.txt"
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vos", "app", *map(str, arguments), "--no-browser"],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=folder,
                env=os.environ
                | {"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder / "data")}
                | dict(environment or {}),
            )
        address = re.search(r"http\S+", self.process.stdout.readline())
        assert address, self.errors.read_text()
        self.address = address[0]

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def limit_files(self, size: int | None) -> None:
        """Let it write no file beyond a size, as on a full disk; None for any."""
        import resource  # which Windows has not

        _, most = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)
        limit = most if size is None else size
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (limit, most))

    def memory(self, name: str = "VmRSS") -> int:
        """Return its memory in bytes; VmHWM is the most that it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", status)[1]) * 1024


class Walker(OpenPage):
    """A page of the real server."""

    server: AppProcess

    def __init__(self, page: Any, server: AppProcess) -> None:
        super().__init__(page, server)
        page.set_default_timeout(WAIT_MS)

    def open(self) -> None:
        self.page.goto(self.server.address)
        self.page.wait_for_selector('body[data-state="ready"]:not([data-frame=""])')

    def has_text(self, selector: str, text: str) -> None:
        from playwright.sync_api import expect

        pattern = re.compile(re.escape(text))
        expect(self.page.locator(selector)).to_have_text(pattern, timeout=WAIT_MS)

    @property
    def source(self) -> str:
        """The id of the open source."""
        row = self.page.locator("[data-testid=source][aria-current=true]")
        return row.get_attribute("data-source")

    def document(self) -> dict[str, Any]:
        """What the server says of the open source."""
        script = "async (id) => (await fetch(`api/sources/${id}`)).json()"
        return self.page.evaluate(script, self.source)

    def state(self) -> dict[str, Any]:
        return self.document()["state"]

    def frames(self) -> dict[int, dict[str, Any]]:
        """The entries of all frames that have a mask."""
        state = self.state()
        return {int(k[7:]): v for k, v in sorted(state.items()) if k.startswith("frames/")}

    def settle(self, revision: int = 0) -> None:
        """Wait until there is a revision, all masks are final, and the page shows them."""
        self.page.evaluate(_SETTLED, [self.source, revision, WAIT_MS])

    def change(self, act: Callable[[], None], changes: int = 1) -> None:
        """Do something that makes changes, and wait until the page shows what comes of them."""
        revision = self.document()["revision"]
        act()
        self.settle(revision + changes)

    def go(self, frame: int) -> None:
        """Go to a frame by its number, and wait until clicks on it give final masks."""
        self.page.fill("#frame-number", str(frame))
        self.page.locator("#frame-number").press("Enter")
        self.wait(frame=frame, features="ready")

    def choose(self, tool: str) -> None:
        self.page.click(f"#tool-{tool}")

    def add_object(self, number: int) -> None:
        self.change(lambda: self.page.click("#add-object"))
        self.page.wait_for_selector(f'[data-testid="object-{number}"][aria-pressed=true]')

    def job(self, start: Callable[[], None]) -> dict[str, Any]:
        """Start a propagation, wait for its end, and return what it last said."""
        self.page.evaluate("() => { delete document.body.dataset.lastJob; }")
        start()
        self.page.wait_for_selector('body[data-last-job][data-job=""]')
        return [job for job in self.document()["jobs"] if job["kind"] == "propagate"][-1]

    def propagate(self, key: str | None = None) -> dict[str, int]:
        """Propagate by the button, or a key, and return the job's result."""
        press = (lambda: self.press(key)) if key else (lambda: self.page.click("#propagate"))
        job = self.job(press)
        assert job["state"] == "done", job
        self.settle()
        return job["result"]

    def exported(self, folder: Path) -> dict[str, Path]:
        """Export all formats, and save the files as a user does; give them by format."""
        folder.mkdir()
        self.page.click("#open-export")
        boxes = self.page.locator("#export-body .format input")
        for box in boxes.all():
            box.check()
        self.page.click("#export-go")
        self.has_text("#export-status", f"{boxes.count()} files:")
        links = self.page.locator("#export-files a.download")
        formats = [box.get_attribute("value") for box in boxes.all()]
        with self.page.expect_download() as download:
            links.first.click()
        files = {formats[0]: folder / download.value.suggested_filename}
        download.value.save_as(files[formats[0]])
        for name, link in list(zip(formats, links.all(), strict=True))[1:]:
            # as the browser asks before it takes more than ten files of a page
            answer = self.page.request.get(urljoin(self.page.url, link.get_attribute("href")))
            assert answer.headers["content-disposition"].startswith("attachment"), answer.status
            files[name] = folder / link.get_attribute("download")
            files[name].write_bytes(answer.body())
        self.page.click("[data-testid=export-close]")
        return files
