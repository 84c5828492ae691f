"""The command and its page in headless Chromium; tests skip where it or Playwright is absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.vos.app.page.conftest import browser  # noqa: F401
from tests.vos.app.walk.clips import small_frames, write_video
from tests.vos.app.walk.walker import AppProcess, Walker


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of 16 frames of 428x240, three objects in it."""
    return write_video(tmp_path / "clip.mp4", [image for image, _ in small_frames()])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., AppProcess]]:
    """Start `vos app` with arguments, in the test's folder."""
    pytest.importorskip("torch", reason="the engine needs PyTorch")
    started = []

    def run(*arguments: object, **environment: str) -> AppProcess:
        started.append(AppProcess(*arguments, folder=tmp_path, environment=environment))
        return started[-1]

    yield run
    for server in started:
        server.kill()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Walker]]:  # noqa: F811
    """Open a server's page in a browser of its own; at the end, nothing may have failed in it."""
    opened = []

    def open_page(server: AppProcess, *, is_opened: bool = True) -> Walker:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        opened.append(Walker(context.new_page(), server))
        if is_opened:
            opened[-1].open()
        else:
            opened[-1].page.goto(server.address)
        return opened[-1]

    yield open_page
    for walker in opened:
        walker.page.context.close()
    assert [walker.errors for walker in opened] == [[] for _ in opened]
