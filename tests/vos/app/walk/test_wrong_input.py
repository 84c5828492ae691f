"""What goes wrong is a sentence in the page, and the project is whole afterwards."""

from __future__ import annotations

import json
import sys

import cv2
import numpy as np
import pytest

from tests.data.own_backbones import write_network
from tests.vos.app.walk.clips import COUNT, middle, small_frames, truth, write_video
from tests.vos.video.files import damage
from vos.app.project.project import Project

FAILING = """
from pathlib import Path


class Failing(Net):
    def forward(self, images):
        if Path("no memory").exists():
            raise MemoryError
        return super().forward(images)


def failing():
    net = Failing()
    net.stride, net.mean, net.std = 8, (0.5,) * 3, (0.2,) * 3
    return net
"""


def mark(page, frame=0, changes=2):
    page.change(lambda: page.click(*middle(truth(frame, 1))), changes=changes)


def reopened(folder):
    """The state of a project that no server has open any more."""
    project = Project.open(folder)
    try:
        state = project.snapshot()
        for key, value in state.items():
            if key.startswith("frames/"):
                assert project.mask(value["mask"]).any() == bool(value["areas"])
        return state
    finally:
        project.close()


def test_broken_videos(start, visit, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(3000))
    torn = write_video(tmp_path / "torn.mp4", [image for image, _ in small_frames()])
    damage(torn, 9)
    server = start("broken.mp4")
    page = visit(server, is_opened=False)
    page.has_text("#error-text", "broken.mp4")
    page.page.fill("#open-path", str(torn))
    page.page.click("#open-path-go")
    page.wait(state="ready", frame=0, features="ready")
    mark(page)
    job = page.job(lambda: page.page.click("#propagate"))
    assert job["state"] == "failed"
    page.has_text("#error-text", job["error"])
    last = max(page.frames())
    assert 0 < last < COUNT - 1
    page.go(last)
    mark(page, last, changes=1)
    state = page.state()
    server.kill()
    assert reopened(tmp_path / "torn.mp4.vos-project") == state


def test_masks_that_do_not_fit(clip, start, visit, tmp_path):
    server = start(clip)
    page = visit(server)
    mark(page)
    state = page.state()
    cv2.imwrite(str(tmp_path / "small.png"), np.ones((40, 60), np.uint8))
    (tmp_path / "none.png").write_bytes(b"no picture")
    for name, sentence in (
        ("small.png", "small.png is 60x40 pixels, the frame 428x240"),
        ("none.png", "none.png"),
    ):
        page.page.set_input_files("#mask-file", tmp_path / name)
        page.page.click("#mask-go")
        page.has_text("#error-text", sentence)
        page.page.click("#error-close")
    assert page.state() == state
    cv2.imwrite(str(tmp_path / "right.png"), truth(0, 2).astype(np.uint8) * 255)
    page.page.set_input_files("#mask-file", tmp_path / "right.png")
    page.change(lambda: page.page.click("#mask-go"))
    assert page.state() != state


def test_weights_that_are_missing(clip, start, visit, tmp_path):
    (tmp_path / "empty").mkdir()
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    cache = {"VOS_WEIGHTS": str(tmp_path / "empty"), "XDG_CACHE_HOME": str(tmp_path / "empty")}
    server = start(clip, "--backbone", "dino_vits8", **nowhere, **cache)
    page = visit(server)
    page.wait(features="failed")
    page.has_text("#notes", "dino_vits8")
    page.click(*middle(truth(0, 1)))
    page.wait_for_mask()  # a provisional one, by colours alone
    job = page.job(lambda: page.page.click("#propagate"))
    assert job["state"] == "failed"
    assert "dino_vits8" in job["error"]
    page.has_text("#error-text", job["error"])
    state = page.state()
    server.kill()
    assert reopened(tmp_path / "clip.mp4.vos-project") == state


def test_memory_that_runs_out(clip, start, visit, tmp_path):
    write_network(tmp_path / "own.py", FAILING)
    server = start(clip, "--backbone", f"{tmp_path / 'own.py'}:failing")
    page = visit(server)
    page.wait(features="ready")
    mark(page)
    before = page.state()
    (tmp_path / "no memory").touch()
    job = page.job(lambda: page.page.click("#propagate"))
    assert job["state"] == "failed"
    page.has_text("#error-text", "The memory ran out. Close other programs")
    kept = {key: value for key, value in before.items() if not key.startswith("frames/")}
    assert page.state() | kept == page.state()
    (tmp_path / "no memory").unlink()
    page.propagate()
    assert sorted(page.frames()) == list(range(COUNT))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are of Linux")
def test_a_disk_that_is_full(clip, start, visit, tmp_path):
    server = start(clip)
    page = visit(server)
    page.wait(features="ready")
    mark(page)
    before = page.state()
    server.limit_files(0)
    page.page.click("#add-object")
    page.has_text("#error-text", "a file could not be read or written")
    page.page.click("#error-close")
    page.click(*middle(truth(0, 2)))
    page.page.wait_for_selector("#error-line:not([hidden])")
    page.page.click("#error-close")
    job = page.job(lambda: page.page.click("#propagate"))
    assert job["state"] == "failed"
    page.has_text("#error-text", "What was done before is kept.")
    assert page.state() == before

    server.limit_files(None)
    page.propagate()
    state = page.state()
    assert sorted(page.frames()) == list(range(COUNT))
    server.kill()
    project = tmp_path / "clip.mp4.vos-project"
    assert reopened(project) == state
    assert json.loads((project / "project.json").read_text())["format"]
    page = visit(start("--project", project))
    page.wait(features="ready")
    page.change(lambda: page.press("Control+z"))
    assert page.state() == before
