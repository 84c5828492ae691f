"""Attacks on the page's server; each has to fail, with a sentence."""

from __future__ import annotations

import json

import pytest
from starlette.websockets import WebSocketDisconnect

from tests.vos.app.server.conftest import OWN, PORT
from vos.app.server.security.access import Access
from vos.app.server.security.guard import CONTENT_POLICY
from vos.app.server.sources.source import SourceSpec

EVERY_ROUTE = [
    "/api/session", "/api/entries?root=x", "/api/sources/x", "/api/sources/x/frames/0.jpg",
    "/api/sources/x/masks/ab", "/api/sources/x/exports/y", "/api/events", "/", "/app.js",
]  # fmt: skip


def sentence(answer):
    text = answer.json()["error"]
    assert len(text.split()) > 3
    return text


@pytest.mark.parametrize("path", EVERY_ROUTE)
def test_nothing_is_answered_without_the_cookie(served, path):
    answer = served.stranger.get(path)
    assert answer.status_code == 401
    assert "token" in answer.text


def test_the_token_becomes_a_cookie_that_scripts_and_other_pages_cannot_use(served):
    answer = served.stranger.get(f"/?token={served.access.token}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"vos-app-{PORT}=")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert served.access.token not in cookie
    assert served.stranger.get("/").status_code == 200


@pytest.mark.parametrize("token", ["", "x", "ä", "a" * 43, "%00", "%ff"])
def test_another_token_is_refused(served, token):
    answer = served.stranger.get(f"/?token={token}")
    assert answer.status_code in (401, 403)
    assert "set-cookie" not in answer.headers


def test_a_second_token_beside_the_right_one_is_refused(served):
    answer = served.stranger.get(f"/?token={served.access.token}&token=x")
    assert answer.status_code == 403


def test_the_token_opens_the_entrance_alone(served):
    token = served.access.token
    assert served.stranger.get(f"/api/session?token={token}").status_code == 401
    headers = {"Cookie": f"vos-app-{PORT}={token}"}
    assert served.stranger.get("/api/session", headers=headers).status_code == 401


def test_the_address_that_a_browser_is_started_with_is_good_for_one_use(served):
    address = served.access.launch_address()
    assert served.access.token not in address
    path = address.removeprefix(OWN)
    assert served.client().get(path, follow_redirects=False).status_code == 303
    assert served.client().get(path, follow_redirects=False).status_code == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"192.168.0.9:{PORT}", ""],
)
def test_another_host_is_refused(served, host):
    for path in (*EVERY_ROUTE, f"/?token={served.access.token}"):
        answer = served.browser.get(path, headers={"Host": host}, follow_redirects=False)
        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers
        sentence(answer)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_the_names_of_this_machine_are_answered(served, host):
    cookie = served.browser.cookies[f"vos-app-{PORT}"]
    headers = {"Host": f"{host}:{PORT}", "Cookie": f"vos-app-{PORT}={cookie}"}
    assert served.client().get("/api/session", headers=headers).status_code == 200


def test_a_server_of_all_addresses_answers_to_the_one_that_was_reached_alone():
    access = Access("0.0.0.0", PORT)
    assert access.accepts_host(f"192.168.0.9:{PORT}", "192.168.0.9")
    assert access.accepts_host(f"192.168.0.9:{PORT}", "::ffff:192.168.0.9")
    assert not access.accepts_host(f"192.168.0.8:{PORT}", "192.168.0.9")
    assert not access.accepts_host(f"evil.example:{PORT}", "192.168.0.9")
    assert not Access("127.0.0.1", PORT).accepts_host(f"192.168.0.9:{PORT}", "192.168.0.9")


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.example", f"https://127.0.0.1:{PORT}", "http://127.0.0.1:1",
     f"http://localhost:{PORT}", f"{OWN}.evil.example", "file://"],
)  # fmt: skip
def test_a_change_from_another_origin_is_refused(served, source, origin):
    answer = served.post(f"{source}/changes", {"action": "add_object"}, headers={"Origin": origin})
    assert answer.status_code == 403
    sentence(answer)
    assert served.parts.projects == []


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_change_that_the_browser_calls_foreign_is_refused(served, source, site):
    headers = {"Sec-Fetch-Site": site}
    assert served.post(f"{source}/show", {"frame": 0}, headers=headers).status_code == 403


def test_another_page_may_not_embed_what_is_read(served, source):
    headers = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}
    assert served.browser.get(f"{source}/frames/0.jpg", headers=headers).status_code == 403
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert served.browser.get("/", headers=visit).status_code == 200
    assert served.browser.get(source, headers=visit).status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", None,
             "application/octet-stream", "text/plain; application/json"],
)  # fmt: skip
def test_forms_of_other_pages_are_refused(served, source, kind):
    answer = served.post(
        f"{source}/changes", content=b'{"action": "add_object"}', headers={"Content-Type": kind}
    )
    assert answer.status_code == 415
    sentence(answer)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(served, source, method):
    answer = served.browser.request(method, source, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_what_changes_is_not_reached_by_get(served, source):
    for path in ("/changes", "/show", "/jobs", "/jobs/x/cancel"):
        assert served.browser.get(source + path).status_code in (404, 405)
    for path in ("/api/sources", "/api/uploads"):
        assert served.browser.get(path).status_code in (404, 405)


def test_every_answer_has_the_headers(served, source):
    answers = [
        served.browser.get("/"), served.browser.get("/app.js"), served.browser.get("/nothing"),
        served.browser.get(source), served.browser.get(f"{source}/frames/0.jpg"),
        served.stranger.get("/"), served.browser.get("/", headers={"Host": "evil.example"}),
        served.post(f"{source}/show", {"frame": -1}), served.browser.put("/"),
        served.post(f"{source}/changes", content=b"x" * 2_000_000),
    ]  # fmt: skip
    served.parts.failure = ZeroDivisionError("a bug")
    answers.append(served.post(f"{source}/changes", {"action": "add_object"}))
    assert answers[-1].status_code == 500
    for answer in answers:
        headers = answer.headers
        assert headers["content-security-policy"] == CONTENT_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "cache-control" in headers
        assert not [name for name in headers if name.startswith("access-control")]
    assert "default-src 'self'" in CONTENT_POLICY and "frame-ancestors 'none'" in CONTENT_POLICY


@pytest.mark.parametrize("headers", [{}, {"Cookie": "right"}])
def test_websockets_are_refused(served, headers):
    client = served.browser if headers else served.stranger
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/events"):
        pass
    assert client.get("/api/events", headers={"Upgrade": "websocket"}).status_code == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"1", b"{", b"\xff", b'{"frame": NaN}', b'{"frame": 1e999}', b'{"frame": true}',
     b'{"frame": -1}', b'{"frame": 99999999999}', b'{"frame": ' + b"9" * 5000 + b"}",
     b'{"frame": "1"}', b'{"frame": "\\ud800"}', b"[" * 200_000],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_a_body_that_is_no_request_is_refused(served, source, body):
    answer = served.post(f"{source}/show", content=body)
    assert answer.status_code == 400
    sentence(answer)


def test_a_long_body_is_refused_by_its_length_and_by_its_bytes(served, source):
    long = json.dumps({"frame": 0, "x": "x" * 1_000_000}).encode()
    assert served.post(f"{source}/show", content=long).status_code == 413
    sent = []

    def chunks():
        for _ in range(1000):
            sent.append(1)
            yield b"x" * 1_000_000

    assert served.post(f"{source}/show", content=chunks()).status_code == 413
    headers = {"Content-Length": "-5"}
    assert served.post(f"{source}/show", content=b"{}", headers=headers).status_code == 413


def test_a_long_upload_is_refused_and_leaves_nothing(serve, tmp_path):
    served = serve(max_upload=1000)
    assert served.send("/api/uploads?name=a.mp4", b"\0" * 1001).status_code == 413
    chunks = (b"\0" * 600 for _ in range(3))
    assert served.send("/api/uploads?name=a.mp4", chunks).status_code == 413
    assert served.send("/api/uploads?name=a.mp4", b"").status_code == 400
    answer = served.send("/api/uploads?name=a.mp4", b"broken")
    assert (answer.status_code, sentence(answer)[:6]) == (400, "a.mp4 ")
    assert list((tmp_path / "data").rglob("*.*")) == []


@pytest.mark.parametrize(
    "name", ["../../evil.mp4", "/etc/evil.mp4", "..\\evil.mp4", "..", ".", "", ".bashrc", "%00",
             "a%0d%0ab.mp4", "x" * 3000 + ".mp4"],
)  # fmt: skip
def test_an_upload_stays_in_its_folder(served, tmp_path, name):
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    answer = served.send(f"/api/uploads?name={name}", b"\0" * 700)
    assert answer.status_code == 200, answer.text
    uploads = tmp_path / "data" / "vos" / "uploads"
    added = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert added and all(uploads in path.parents for path in added)
    assert not [path for path in added if path.name.startswith(".")]


def attempts(tmp_path):
    outside = tmp_path / "outside.mp4"
    outside.write_bytes(b"\0" * 700)
    root = tmp_path / "root"
    (root / "link.mp4").symlink_to(outside)
    (root / "folder link").symlink_to(tmp_path)
    return [
        str(outside), "/etc/passwd", str(root / ".." / "outside.mp4"), "../outside.mp4",
        str(root / "link.mp4"), str(root / "folder link" / "outside.mp4"), str(tmp_path),
        "~root", "~nobody-of-this-name/x", "file:///etc/passwd", "camera:0", "/dev/video0",
        "http://127.0.0.1:1/x.mp4", "a\0b", "concat:/etc/passwd", str(root / "nothing.mp4"),
    ]  # fmt: skip


def test_paths_out_of_the_roots_are_refused(served, tmp_path):
    for path in attempts(tmp_path):
        answer = served.post("/api/sources", {"path": path})
        assert answer.status_code == 400, path
        sentence(answer)
    assert served.parts.frames == []
    assert served.post("/api/sources", {"path": str(tmp_path / "root/clip.mp4")}).status_code == 200


def test_only_ids_that_were_given_lead_to_files(served, tmp_path):
    attempts(tmp_path)
    root = served.browser.get("/api/session").json()["roots"][0]["id"]
    listed = served.browser.get(f"/api/entries?root={root}").json()["entries"]
    assert [entry["name"] for entry in listed] == ["clip.mp4"]  # no link that leads out
    assert str(tmp_path) not in json.dumps(listed)
    for guess in ("/etc", "..", root[:-1], "x" * 32, "%2e%2e"):
        assert served.browser.get(f"/api/entries?entry={guess}").status_code == 404
        assert served.post("/api/sources", {"entry": guess}).status_code == 404


def test_a_file_that_became_a_link_is_refused(served, tmp_path, clip):
    root = served.browser.get("/api/session").json()["roots"][0]["id"]
    entry = served.browser.get(f"/api/entries?root={root}").json()["entries"][0]["id"]
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"\0" * 700)
    clip.unlink()
    clip.symlink_to(secret)
    assert served.post("/api/sources", {"entry": entry}).status_code == 400


def test_a_playlist_and_a_linked_picture_open_no_other_file(served, tmp_path):
    root = tmp_path / "root"
    (root / "list.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\nfile:///etc/passwd\n")
    pictures = root / "pictures"
    pictures.mkdir()
    (tmp_path / "secret.png").write_bytes(b"png")
    (pictures / "0.png").symlink_to(tmp_path / "secret.png")
    for path in (root / "list.mp4", pictures):
        assert served.post("/api/sources", {"path": str(path)}).status_code == 400
    assert served.parts.frames == []


@pytest.mark.parametrize(
    "record",
    [b'{"source": {"path": "/etc/passwd"}}', b'{"source": {"path": "../../outside.mp4"}}',
     b'{"source": "http://127.0.0.1:1/"}', b'{"source": {"path": 5}}', b"[]", b"{", b"\x80\x04.",
     b'{"source": {"path": "a\\u0000b"}}', b"[" * 100_000, b'{"source": ' + b"9" * 6000 + b"}"],
    ids=lambda record: repr(record[:40]),
)  # fmt: skip
def test_a_project_of_somebody_else_opens_no_file_outside(served, tmp_path, record):
    (tmp_path / "outside.mp4").write_bytes(b"\0" * 700)
    project = tmp_path / "root" / "theirs"
    project.mkdir()
    (project / "project.json").write_bytes(record)
    answer = served.post("/api/sources", {"path": str(project)})
    assert answer.status_code == 400
    sentence(answer)
    assert served.parts.frames == []


def test_a_project_with_links_is_not_opened(served, tmp_path, clip, source):
    project = clip.with_name("clip.mp4.vos-project")
    (project / "store").mkdir(parents=True)
    (project / "project.json").write_text(json.dumps({"source": {"path": "../clip.mp4"}}))
    (project / "store" / "x.png").symlink_to("/etc/passwd")
    answer = served.browser.get(source)
    assert answer.status_code == 400
    assert "link" in sentence(answer)


def test_a_project_is_not_started_through_a_link(served, tmp_path, clip, source):
    (tmp_path / "theirs").mkdir()
    clip.with_name("clip.mp4.vos-project").symlink_to(tmp_path / "theirs")
    assert served.browser.get(source).status_code == 400
    assert list((tmp_path / "theirs").iterdir()) == []


def test_a_source_of_the_command_line_may_lie_anywhere(serve, tmp_path):
    outside = tmp_path / "outside.mp4"
    outside.write_bytes(b"\0" * 700)
    served = serve(sources=[SourceSpec(str(outside), "outside.mp4", is_given=True)])
    row = served.browser.get("/api/session").json()["sources"][0]
    assert served.browser.get(f"/api/sources/{row['id']}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/../conftest.py", "/%2e%2e/conftest.py", "/..%2fconftest.py", "/notes.txt", "/page",
             "//etc/passwd", "/%2fetc/passwd", "/%00"],
)  # fmt: skip
def test_the_page_has_its_own_files_alone(served, path):
    assert served.browser.get(path).status_code == 404


@pytest.mark.parametrize("digest", ["..%2f..%2fproject", "x", "AB" * 16, "ab" * 200, "cd" * 16])
def test_masks_are_named_by_digests(served, source, digest):
    assert served.browser.get(f"{source}/masks/{digest}").status_code == 404


def test_exports_are_named_by_ids(served, source):
    for name in ("..%2fproject.json", "masks.zip", "%2fetc%2fpasswd"):
        assert served.browser.get(f"{source}/exports/{name}").status_code == 404
