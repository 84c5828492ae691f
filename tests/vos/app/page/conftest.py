"""A headless Chromium, a fake server, and the page in it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.vos.app.page.fake_server import FakeServer, RunningServer

WAIT_MS = 15_000


class OpenPage:
    """The page in a browser, with words for what tests do to it; waits are for states."""

    def __init__(self, page: Any, server: RunningServer) -> None:
        self.page, self.server, self.fake = page, server, server.fake
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)
        page.set_default_timeout(WAIT_MS)

    def _hear(self, line: Any) -> None:
        if line.type == "error" and "Failed to load resource" not in line.text:
            self.errors.append(line.text)

    def open(self) -> None:
        self.page.goto(self.server.address)
        self.wait(state="ready" if self.fake.sources else "empty")

    def wait(self, **data: object) -> None:
        """Wait until the body's data have these values."""
        parts = (f'[data-{name.replace("_", "-")}="{value}"]' for name, value in data.items())
        self.page.wait_for_selector("body" + "".join(parts))

    def data(self, name: str) -> str:
        value: str = self.page.locator("body").get_attribute(f"data-{name}")
        return value

    def wait_for_mask(self, but_not: str = "") -> str:
        """Wait until a mask is drawn, or another one than before; give its digest."""
        self.page.wait_for_selector(f'body:not([data-mask=""]):not([data-mask="{but_not}"])')
        return self.data("mask")

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the frame lies in the window."""
        canvas = self.page.locator("#canvas")
        box = canvas.bounding_box()
        scale, left, top = (
            float(canvas.get_attribute(f"data-{name}")) for name in ("scale", "left", "top")
        )
        return box["x"] + left + x * scale, box["y"] + top + y * scale

    def click(self, x: float, y: float, button: str = "left") -> None:
        """Click in the middle of a pixel of the frame."""
        self.page.mouse.click(*self.place(x + 0.5, y + 0.5), button=button)

    def drag(self, *places: tuple[float, float]) -> None:
        self.page.mouse.move(*self.place(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.place(*place), steps=4)
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def actions(self, name: str) -> list[dict[str, Any]]:
        """What the page asked the server to change, by the action's name."""
        changes = [body for kind, body in self.fake.requests if kind == "change"]
        return [body for body in changes if body["action"] == name]

    def state(self) -> dict[str, Any]:
        return next(iter(self.fake.sources.values())).state

    def pixel(self, x: float, y: float) -> list[int]:
        """The colour on the screen at a place of the frame."""
        left, top = self.place(x, y)
        return self.page.evaluate(
            """([x, y]) => {
              const canvas = document.getElementById("canvas");
              const box = canvas.getBoundingClientRect();
              const ratio = canvas.width / box.width;
              const at = [(x - box.left) * ratio, (y - box.top) * ratio].map(Math.round);
              return [...canvas.getContext("2d").getImageData(...at, 1, 1).data];
            }""",
            [left, top],
        )

    def has_text(self, selector: str, text: str) -> None:
        """Wait until an element shows a text."""
        from playwright.sync_api import expect

        pattern = re.compile(re.escape(text))
        expect(self.page.locator(selector)).to_have_text(pattern, timeout=WAIT_MS)


@pytest.fixture(scope="package")  # Playwright's event loop would be in the way of later tests
def browser() -> Iterator[Any]:
    """Debian's Chromium, headless; tests skip where it or Playwright is absent."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright for Python")
    program = os.environ.get("VOS_CHROMIUM") or shutil.which("chromium")
    if not program:
        pytest.skip("needs Chromium: install Debian's chromium, or set VOS_CHROMIUM to a program")
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def fake() -> FakeServer:
    return FakeServer()


@pytest.fixture
def empty_page(browser: Any, fake: FakeServer) -> Iterator[OpenPage]:
    """The page before a source is open."""
    server = RunningServer(fake)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = OpenPage(context.new_page(), server)
    yield page
    context.close()
    server.close()
    assert page.errors == []


@pytest.fixture
def page(empty_page: OpenPage) -> OpenPage:
    """The page with a clip of 60 frames."""
    empty_page.fake.add()
    empty_page.open()
    empty_page.wait(frame=0)
    return empty_page
