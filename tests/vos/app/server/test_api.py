"""What the page's requests do, with doubles of the parts below the server."""

from __future__ import annotations

import errno
import threading
import time

import numpy as np
import pytest

from tests.vos.app.server.conftest import OWN
from vos.app.server.payloads import runs
from vos.errors import InputError


def until(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def jobs_of(served, source):
    return served.browser.get(source).json()["jobs"]


def test_the_session_lists_what_may_be_opened(served):
    session = served.browser.get("/api/session").json()
    assert [root["name"] for root in session["roots"]] == ["root"]
    (row,) = session["sources"]
    assert (row["name"], row["status"], row["error"]) == ("clip.mp4", "closed", None)
    assert session["max_upload"] == 4_000_000_000


def test_a_document_opens_its_source(served, source, clip):
    document = served.browser.get(source).json()
    assert (document["width"], document["height"], document["count"]) == (8, 6, 5)
    assert (document["fps"], document["kind"], document["revision"]) == (25.0, "video", 0)
    assert (document["state"], document["undo"], document["stale"]) == ({}, None, [])
    assert served.parts.projects[0].folder == clip.with_name("clip.mp4.vos-project")
    assert served.parts.sessions == []  # the engine is not waited for
    assert served.browser.get("/api/session").json()["sources"][0]["status"] == "open"


def test_frames_are_kept_by_the_browser(served, source):
    answer = served.browser.get(f"{source}/frames/3.jpg?height=64")
    assert answer.content == b"\xff\xd8\x03\x40"
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert served.browser.get(f"{source}/frames/5.jpg").status_code == 400
    for wrong in ("99999999999", "1.jpg?height=9999", "1.jpg?height=-1", "1.jpg?height=a"):
        assert served.browser.get(f"{source}/frames/{wrong}").status_code in (400, 404)


def test_masks_are_runs_and_unchanged_for_ever(served, source):
    served.browser.get(source)
    path = f"{source}/masks/{'ab' * 16}"
    answer = served.browser.get(path)
    mask = answer.json()
    values, lengths = mask["runs"][::2], mask["runs"][1::2]
    assert np.array_equal(np.repeat(values, lengths).reshape(6, 8), np.eye(6, 8))
    assert (mask["height"], mask["width"]) == (6, 8)
    again = served.browser.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_runs_of_one_value():
    assert runs(np.full((2, 3), 7, np.uint8)) == [7, 6]
    assert runs(np.array([[0, 1], [1, 255]], np.uint8)) == [0, 1, 1, 2, 255, 1]


def test_changes_give_the_delta_and_what_is_stale(served, source):
    answer = served.post(f"{source}/changes", {"action": "add_object"}).json()
    assert (answer["revision"], answer["result"], answer["undo"]) == (1, {"object": 1}, "that")
    assert answer["changed"]["objects/1"]["name"] == "cat"
    click = {"type": "click", "x": 1, "y": 2, "positive": True}
    body = {"action": "add_item", "frame": 2, "object": 1, "item": click}
    answer = served.post(f"{source}/changes", body).json()
    assert answer["changed"] == {"prompts/2/1": {"items": [click]}}
    assert answer["stale"] == [[1, 3]]
    for action in ("remove_item", "clear_prompt"):
        body = {"action": action, "frame": 2, "object": 1, "index": 0}
        assert served.post(f"{source}/changes", body).json()["changed"] == {"prompts/2/1": None}
    assert served.browser.get(source).json()["revision"] == 4


@pytest.mark.parametrize(
    "body",
    [{}, {"action": "fly"}, {"action": "add_item", "frame": 0}, {"action": ["x"]},
     {"action": "add_item", "frame": 0, "object": 1, "item": []},
     {"action": "remove_item", "frame": 0, "object": 1}],
)  # fmt: skip
def test_a_wrong_change_is_a_sentence(served, source, body):
    answer = served.post(f"{source}/changes", body)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.fixture
def source_and_log(source, capsys):
    return source, capsys


@pytest.mark.parametrize(
    ("failure", "status", "text"),
    [
        (InputError("give another name"), 400, "give another name"),
        (OSError(errno.ENOSPC, "No space left on device"), 507, "disk is full"),
        (PermissionError(13, "Permission denied"), 500, "could not be read or written"),
        (MemoryError(), 500, "not enough memory"),
        (ZeroDivisionError("one by zero"), 500, "one by zero"),
    ],
)
def test_failures_are_sentences_with_a_status(source_and_log, served, failure, status, text):
    source, capsys = source_and_log
    served.parts.failure = failure
    answer = served.post(f"{source}/changes", {"action": "add_object"})
    assert answer.status_code == status
    assert text in answer.json()["error"]
    assert ("Traceback" in capsys.readouterr().err) == (status == 500)
    served.parts.failure = None
    assert served.post(f"{source}/changes", {"action": "add_object"}).status_code == 200


def test_unknown_addresses_and_ids_are_sentences(served, source):
    for path in ("/api/sources/x", "/api/x", f"{source}/frames/a.jpg", "/x.js"):
        answer = served.browser.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"]
    assert served.post(f"{source}/jobs/x/cancel").status_code == 404


def test_opening_the_same_file_again_is_the_same_source(served, source, clip):
    answer = served.post("/api/sources", {"path": str(clip)})
    assert f"/api/sources/{answer.json()['source']}" == source
    assert len(served.parts.projects) == 1


def test_a_file_is_opened_by_its_id(serve, clip):
    served = serve()
    root = served.browser.get("/api/session").json()["roots"][0]["id"]
    (entry,) = served.browser.get(f"/api/entries?root={root}").json()["entries"]
    assert (entry["name"], entry["kind"]) == ("clip.mp4", "video")
    opened = served.post("/api/sources", {"entry": entry["id"]})
    assert opened.status_code == 200
    assert served.browser.get("/api/session").json()["sources"][0]["status"] == "open"


@pytest.mark.parametrize("body", [{}, {"demo": False}, {"path": " "}, {"path": 1}, {"a": 1},
                                  {"path": "x", "entry": "y"}])  # fmt: skip
def test_what_to_open_is_said_in_one_way(served, body):
    assert served.post("/api/sources", body).status_code == 400


def test_the_demo_clip_is_made_once(served, tmp_path, monkeypatch):
    frame = np.zeros((4, 4, 3), np.uint8)
    monkeypatch.setattr("vos.datasets.demo_clip.demo_frames", lambda: iter([(frame, frame)] * 2))
    first = served.post("/api/sources", {"demo": True}).json()
    assert served.post("/api/sources", {"demo": True}).json() == first
    assert len(served.browser.get("/api/session").json()["roots"]) == 1
    folder = tmp_path / "data" / "vos" / "demo"
    assert len(list((folder / "demo clip").iterdir())) == 2
    assert not list(folder.glob(".*"))


def test_an_upload_is_opened_and_listed_again_by_the_next_server(serve, tmp_path):
    served = serve()
    answer = served.send("/api/uploads?name=my%20clip.mp4", b"\0" * 5000)
    assert answer.status_code == 200
    (path,) = (tmp_path / "data" / "vos" / "uploads").glob("*/*.mp4")
    assert (path.name, path.stat().st_size) == ("my clip.mp4", 5000)
    roots = serve().browser.get("/api/session").json()["roots"]
    assert [root["name"] for root in roots] == ["root", "uploads"]


def test_a_full_disk_ends_an_upload_with_a_sentence(served, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("vos.app.server.api.save_body", full)
    answer = served.send("/api/uploads?name=a.mp4", b"\0" * 700)
    assert answer.status_code == 507
    assert list((tmp_path / "data").rglob("*.mp4")) == []


def test_a_mask_file_is_imported(served, source):
    headers = {"X-File-Name": "..%2Fmy%20mask.png"}
    answer = served.send(f"{source}/masks?frame=3&object=2&snap=1", b"data", **headers)
    assert answer.json()["changed"] == {"frames/3": {"mask": "ab" * 16}}
    assert served.parts.sessions[0].imported == [(3, "my mask.png", b"data", 2, True)]
    assert served.send(f"{source}/masks", b"data").status_code == 400


def test_jobs_of_the_engine_are_started_and_cancelled(served, source):
    body = {"kind": "propagate", "direction": "forward"}
    assert served.post(f"{source}/jobs", body).json() == {"job": "j1"}
    assert jobs_of(served, source)[0]["state"] == "running"
    assert served.post(f"{source}/jobs/j1/cancel").status_code == 200
    assert jobs_of(served, source)[0]["state"] == "cancelled"
    for wrong in ({"kind": "fly"}, {"kind": "propagate", "direction": "up"}, {}):
        assert served.post(f"{source}/jobs", wrong).status_code == 400


def test_an_export_ends_in_files_to_download(served, source):
    pytest.importorskip("torch")  # confidence is read with it
    served.browser.get(source)
    served.parts.projects[0].state["frames/0"] = {"mask": "ab" * 16}
    body = {"kind": "export", "formats": ["masks"], "options": {}}
    job = served.post(f"{source}/jobs", body).json()["job"]
    until(lambda: jobs_of(served, source)[0]["state"] == "done")
    (last,) = jobs_of(served, source)
    assert (last["job"], last["kind"]) == (job, "export")
    (file,) = last["result"]["files"]
    assert (file["name"], file["bytes"], file["losses"]) == ("masks.zip", 3, ["no holes"])
    answer = served.browser.get(f"{source}/exports/{file['id']}")
    assert answer.content == b"zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="masks.zip"'


def test_an_export_that_fails_says_why(served, source):
    pytest.importorskip("torch")  # confidence is read with it
    served.browser.get(source)
    served.post(f"{source}/jobs", {"kind": "export", "formats": ["masks"]})
    until(lambda: jobs_of(served, source)[0]["state"] == "failed")
    assert "no masks to export" in jobs_of(served, source)[0]["error"]
    for formats in ([], "masks", [1], None):
        body = {"kind": "export", "formats": formats}
        assert served.post(f"{source}/jobs", body).status_code == 400


def test_changes_of_two_pages_come_one_after_another(served, source):
    served.browser.get(source)
    inside, most = [], []
    perform = served.parts.perform

    def slow(project, action):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return perform(project, action)

    served.parts.perform = slow
    body = {"action": "add_object"}
    pages = [
        threading.Thread(target=served.post, args=(f"{source}/changes", body)) for _ in range(6)
    ]
    for page in pages:
        page.start()
    for page in pages:
        page.join()
    assert most == [1] * 6


def test_the_page_and_its_modules_have_their_types(served):
    page = served.browser.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    module = served.browser.get("/app.js")
    assert module.headers["content-type"] == "text/javascript; charset=utf-8"
    assert module.headers["cache-control"] == "no-cache"
    again = served.browser.get("/app.js", headers={"If-None-Match": module.headers["etag"]})
    assert again.status_code == 304


def test_everything_is_closed_at_the_end(served, source):
    served.browser.get(source)
    served.application.close()
    assert served.parts.is_closed
    assert served.parts.projects[0].is_closed
    assert served.parts.frames[0].is_closed
    assert served.browser.get(source).status_code == 400
    assert served.browser.get("/", headers={"Origin": OWN}).status_code == 200


def test_a_project_whose_video_is_gone_says_how_to_go_on(served, tmp_path):
    project = tmp_path / "root" / "work"
    project.mkdir()
    (project / "project.json").write_text('{"source": {"path": "../gone.mp4"}}')
    error = served.post("/api/sources", {"path": str(project)}).json()["error"]
    assert "gone.mp4" in error and f"vos app VIDEO --project {project}" in error


def test_a_project_of_other_frames_is_refused_whole(served, source, clip, monkeypatch):
    served.browser.get(source)
    served.application.close()
    project = served.parts.projects[0]
    project.header.source.size = (9, 9)
    monkeypatch.setattr(served.parts, "open_project", lambda *_: project)
    from vos.app.server.sources.source import Source, SourceSpec

    again = Source(SourceSpec(str(clip), "clip.mp4"), served.parts, lambda _: None)
    with pytest.raises(InputError, match="9x9"):
        again.opened()
    assert "9x9" in again.summary()["error"]
    assert served.parts.frames[-1].is_closed


def test_sources_that_nobody_looks_at_are_closed_and_opened_again(served, tmp_path, monkeypatch):
    monkeypatch.setattr("vos.app.server.sources.table._IDLE_SECONDS", -1.0)
    sources = []
    for number in range(7):
        clip = tmp_path / "root" / f"{number}.mp4"
        clip.write_bytes(bytes(700))
        answer = served.post("/api/sources", {"path": str(clip)})
        sources.append(f"/api/sources/{answer.json()['source']}")
    served.post(f"{sources[0]}/jobs", {"kind": "propagate"})  # which goes on
    served.browser.get(sources[6])
    assert [project.is_closed for project in served.parts.projects] == [
        False,
        *[True] * 3,
        *[False] * 3,
    ]
    rows = served.browser.get("/api/session").json()["sources"][1:]
    assert [row["status"] for row in rows] == ["open", *["closed"] * 3, *["open"] * 3]
    assert served.browser.get(f"{sources[1]}/frames/0.jpg").status_code == 200
    assert not served.parts.projects[-1].is_closed
