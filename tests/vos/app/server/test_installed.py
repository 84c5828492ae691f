"""The server with the real parts: from pictures to exported masks, and on after a kill."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import zipfile
from functools import partial
from http.client import HTTPConnection

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.vos.app.server.test_serving import ROOT
from vos.app.server.application import Application, AppSettings
from vos.app.server.installed import InstalledParts, PartSettings
from vos.app.server.security.access import Access
from vos.app.server.sources.given import given_source, project_alone
from vos.backbones.loading import BackboneOptions
from vos.video.frame_range import ReadingOptions

COUNT, HEIGHT, WIDTH = 4, 64, 96
OPTIONS = BackboneOptions(backbone="efficientnet_lite0", device="cpu")


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder of pictures: a bright square that moves over noise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 90, (HEIGHT, WIDTH, 3), np.uint8)
    for number in range(COUNT):
        image = noise.copy()
        image[16:48, 8 + 8 * number : 40 + 8 * number] = (40, 40, 220)
        cv2.imwrite(str(folder / f"img{number:03d}.png"), image)
    return folder


class Browser:
    """Requests of a page to a server in another process."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vos", "app", *arguments, "--no-browser"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        found = re.search(r"http://127.0.0.1:(\d+)(/\?token=\S+)", self.process.stdout.readline())
        self.port, address = int(found[1]), found[2]
        self.cookie = self._answer("GET", address).getheader("set-cookie").partition(";")[0]
        self.source = f"/api/sources/{self.get('/api/session')['sources'][0]['id']}"

    def _answer(self, method, path, body=None, **headers):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def get_bytes(self, path):
        answer = self._answer("GET", path, Cookie=self.cookie)
        return answer.status, answer.read()

    def get(self, path):
        return json.loads(self.get_bytes(path)[1])

    def post(self, path, **body):
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        headers["Origin"] = f"http://127.0.0.1:{self.port}"
        return json.loads(self._answer("POST", path, json.dumps(body), **headers).read())

    def job(self, **body):
        """Run a job and return what it last said."""
        job = self.post(f"{self.source}/jobs", **body)["job"]
        for _ in range(3000):
            (last,) = [j for j in self.get(self.source)["jobs"] if j["job"] == job]
            if last["state"] in ("done", "failed", "cancelled"):
                return last
            time.sleep(0.1)
        raise AssertionError(f"the job did not end: {last}")


@pytest.fixture
def browse():
    opened = []

    def start(*arguments):
        opened.append(Browser(*arguments))
        return opened[-1]

    yield start
    for browser in opened:
        browser.process.kill()
        browser.process.communicate()


def test_from_pictures_to_masks_and_on_after_a_kill(pictures, browse, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    page = browse(str(pictures))
    document = page.get(page.source)
    assert (document["count"], document["width"], document["height"]) == (COUNT, WIDTH, HEIGHT)
    status, data = page.get_bytes(f"{page.source}/frames/2.jpg")
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert (status, shown.shape) == (200, (HEIGHT, WIDTH, 3))
    page.post(f"{page.source}/show", frame=0)
    object_id = page.post(f"{page.source}/changes", action="add_object")["result"]["object"]
    box = {"type": "box", "left": 8, "top": 16, "right": 40, "bottom": 48}
    change = {"action": "add_item", "frame": 0, "object": object_id, "item": box}
    answer = page.post(f"{page.source}/changes", **change)
    assert "frames/0" in answer["changed"], answer
    last = page.job(kind="propagate", direction="both")
    assert last["state"] == "done", last
    state = page.get(page.source)["state"]
    assert sum(key.startswith("frames/") for key in state) == COUNT
    mask = page.get(f"{page.source}/masks/{state['frames/0']['mask']}")
    ids = np.repeat(mask["runs"][::2], mask["runs"][1::2]).reshape(HEIGHT, WIDTH)
    truth = np.zeros((HEIGHT, WIDTH), bool)
    truth[16:48, 8:40] = True
    assert (truth & (ids == 1)).sum() / (truth | (ids == 1)).sum() > 0.8

    last = page.job(kind="export", formats=["masks", "cvat"], options={"show_ids": True})
    assert last["state"] == "done", last
    files = {file["name"]: file["id"] for file in last["result"]["files"]}
    assert sorted(files) == ["pictures-cvat.xml", "pictures-masks.zip"]
    exported = pictures.parent / "masks.zip"
    exported.write_bytes(page.get_bytes(f"{page.source}/exports/{files['pictures-masks.zip']}")[1])
    names = [f"img{number:03d}.png" for number in range(COUNT)]
    assert sorted(name.split("/")[-1] for name in zipfile.ZipFile(exported).namelist()) == names
    last = page.job(kind="export", formats=["masks"], options={"colour": 1})
    assert (last["state"], "no option colour" in last["error"]) == ("failed", True)

    project = pictures.with_name("pictures.vos-project")
    second = browse(str(pictures))
    assert "open elsewhere" in second.get(second.source)["error"]
    page.process.kill()
    page.process.wait()
    again = browse("--project", str(project))
    document = again.get(again.source)
    assert document["state"] == state
    assert document["undo"] is not None
    assert sorted(path.name for path in (project / "masks").iterdir()) == names
    again.process.terminate()
    _, err = again.process.communicate(timeout=60)
    assert again.process.returncode == 143
    assert "Traceback" not in err


@pytest.fixture
def serve():
    """Return what starts an application with the real parts."""
    started = []

    def start(*specs, roots=()):
        parts = PartSettings(OPTIONS.load, {"backbone": OPTIONS.backbone}, {}, ReadingOptions())
        access = Access("127.0.0.1", 8123)
        settings = AppSettings(specs, roots)
        application = Application(settings, access, partial(InstalledParts, parts))
        started.append(application)
        client = TestClient(application.asgi, base_url="http://127.0.0.1:8123")
        client.get(f"/?token={access.token}")
        return client

    yield start
    for application in started:
        application.close()


def only_source(client):
    return f"/api/sources/{client.get('/api/session').json()['sources'][0]['id']}"


def test_the_page_itself_is_served(serve):
    client = serve()
    page = client.get("/")
    assert "<!doctype html>" in page.text.lower()
    for path in re.findall(r'(?:src|href)="([\w/.]+)"', page.text):
        assert client.get(f"/{path}").status_code == 200, path
    assert " style=" not in page.text and "<style" not in page.text  # the policy forbids them
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=\"", page.text)


def test_a_folder_of_segment_opens_with_its_masks(pictures, serve):
    import vos
    from vos.masks.io import read_index_png, write_mask

    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[16:48, 8:40] = 3
    write_mask(pictures.parent / "mask.png", mask)
    out = pictures.parent / "out"
    vos.segment_video(str(pictures), "mask.png", out, backbone=OPTIONS.load())
    client = serve(given_source(str(out)), roots=[pictures.parent])
    source = only_source(client)
    document = client.get(source).json()
    assert "error" not in document or document["error"] is None, document
    state = document["state"]
    assert [key for key in state if key.startswith("objects/")] == ["objects/3"]
    for number in range(COUNT):
        runs = client.get(f"{source}/masks/{state[f'frames/{number}']['mask']}").json()["runs"]
        ids = np.repeat(runs[::2], runs[1::2]).reshape(HEIGHT, WIDTH)
        assert np.array_equal(ids, read_index_png(out / "masks" / f"img{number:03d}.png"))
    assert client.get("/api/session").json()["sources"][0]["status"] == "open"
    assert out.with_name("out.vos-project").is_dir()


def test_a_project_of_a_source_outside_needs_it_on_the_command_line(pictures, serve):
    client = serve(given_source(str(pictures)))
    client.get(only_source(client)).json()
    project = pictures.with_name("pictures.vos-project")
    moved = pictures.parent / "elsewhere" / "work"
    moved.parent.mkdir()
    (pictures.parent / "elsewhere").joinpath("x").write_text("")
    import shutil

    shutil.copytree(project, moved, ignore=shutil.ignore_patterns(".vos.lock"))
    client = serve(project_alone(moved), roots=[moved.parent])
    answer = client.get(only_source(client))
    assert answer.status_code == 400
    assert f"--project {moved}" in answer.json()["error"]
    client = serve(given_source(str(pictures), project=moved), roots=[moved.parent])
    assert client.get(only_source(client)).status_code == 200
