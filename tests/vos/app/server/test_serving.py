"""A server in a process of its own: its address, its end, and attacks on the connection itself."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from vos.app.server.serving import serve
from vos.errors import InputError

ROOT = Path(__file__).resolve().parents[4]
SERVER = """
import sys
from pathlib import Path
from tests.vos.app.server.doubles import Parts
from vos.app.server.application import AppSettings
from vos.app.server.serving import serve
from vos.app.server.sources.source import SourceSpec
from vos.cli.verbs import Verb, run_verbs

class Run:
    def run(self):
        clip = Path(sys.argv[1])
        serve(AppSettings([SourceSpec(str(clip), clip.name, is_given=True)], [clip.parent]), Parts,
              open_browser=False)
        return 0

import vos.cli.verbs
vos.cli.verbs.parse = lambda *_: Run()
sys.exit(run_verbs("vos", "", [Verb("app", "", "vos.errors:InputError")], ["app"]))
"""


class Process:
    """A server's process, and connections to it."""

    def __init__(self, clip, data):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(data)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(clip)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self.line = self.process.stdout.readline()
        self.port, self.token = re.search(
            r"http://127.0.0.1:(\d+)/\?token=(\S+)", self.line
        ).groups()
        self.port = int(self.port)
        self.own = f"http://127.0.0.1:{self.port}"
        answer = self.request("GET", f"/?token={self.token}")
        self.cookie = answer.getheader("set-cookie").partition(";")[0]

    def request(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(
            method, path, body, {name.replace("_", "-"): v for name, v in headers.items()}
        )
        return connection.getresponse()

    def raw(self, text):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(text.replace("\n", "\r\n").encode())
        return connection

    def head(self, path, length):
        return (
            f"POST {path} HTTP/1.1\nHost: 127.0.0.1:{self.port}\nOrigin: {self.own}\n"
            f"Cookie: {self.cookie}\n{length}\n"
        )

    def resident(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, self.line + out, err


@pytest.fixture
def server(clip, tmp_path):
    started = Process(clip, tmp_path / "data")
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.communicate()


def status_of(connection):
    with suppress(OSError):
        return int(connection.recv(65536).split()[1])
    return None


def test_the_token_is_printed_once_and_in_no_log(server):
    for path in ("/", f"/?token={server.token}", f"/x?token={server.token}", "/api/session"):
        server.request("GET", path, Cookie=server.cookie).read()
        server.request("GET", path).read()
    server.raw(f"GET /?token={server.token} HTTP/9.9\n\n").recv(1000)
    server.raw(f"nonsense {server.token}\n\n").recv(1000)
    server.request("GET", f"/?token={server.token}", Upgrade="websocket", Connection="Upgrade")
    _, out, err = server.stop()
    assert (out + err).count(server.token) == 1
    assert len(server.token) >= 43


def test_only_this_machine_is_answered(server):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_streams_open(server, clip, number):
    stream = server.request("GET", "/api/events", Cookie=server.cookie)
    assert stream.readline().startswith(b":")
    row = re.search(
        rb'"id":"(\w+)"', server.request("GET", "/api/session", Cookie=server.cookie).read()
    )
    server.request("GET", f"/api/sources/{row[1].decode()}", Cookie=server.cookie).read()
    start = time.monotonic()
    status, _, err = server.stop(number)
    assert status == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert time.monotonic() - start < 3
    assert "Traceback" not in err
    assert "stopped by" in err


def test_events_need_the_cookie(server):
    assert server.request("GET", "/api/events").status == 401
    assert server.request("GET", "/api/events", Cookie="vos-app-1=x").status == 401


def test_a_websocket_is_refused(server):
    answer = server.raw(
        f"GET /api/events HTTP/1.1\nHost: 127.0.0.1:{server.port}\nUpgrade: websocket\n"
        f"Connection: Upgrade\nCookie: {server.cookie}\nSec-WebSocket-Version: 13\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n"
    )
    assert status_of(answer) == 403


@pytest.mark.parametrize(
    "hosts", ["", "Host: evil.example\n", "Host: 127.0.0.1:{port}\nHost: evil.example\n"]
)
def test_a_connection_without_one_own_host_is_refused(server, hosts):
    for version in ("1.0", "1.1"):
        text = f"GET / HTTP/{version}\n{hosts.format(port=server.port)}Cookie: {server.cookie}\n\n"
        assert status_of(server.raw(text)) in (400, 403)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read in /proc")
@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream"])
def test_a_body_of_a_gigabyte_is_cut_at_the_limit(server, kind):
    path = "/api/sources" if kind == "application/json" else "/api/sources/x/masks?frame=0"
    before = server.resident()
    connection = server.raw(
        server.head(path, f"Content-Type: {kind}\nTransfer-Encoding: chunked\n")
    )
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    sent = 0
    with suppress(ConnectionError, TimeoutError):
        for _ in range(1024):
            connection.sendall(chunk)
            sent += 1
    assert sent < 64
    assert server.resident() - before < 64 << 20
    assert server.request("GET", "/api/session", Cookie=server.cookie).status == 200


def test_a_stated_length_over_the_limit_is_refused_unread(server):
    for length in ("1073741824", "99999999999999999999", "-1", "x"):
        head = server.head(
            "/api/sources", f"Content-Type: application/json\nContent-Length: {length}\n"
        )
        assert status_of(server.raw(head)) in (400, 413)


def test_an_upload_that_is_broken_off_leaves_nothing(server, tmp_path):
    length = "Content-Type: application/octet-stream\nContent-Length: 5000000\n"
    connection = server.raw(server.head("/api/uploads?name=a.mp4", length))
    connection.sendall(b"\0" * 3_000_000)
    uploads = tmp_path / "data" / "vos" / "uploads"
    deadline = time.monotonic() + 10
    while not list(uploads.glob("*/a.mp4")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(uploads.glob("*/a.mp4"))
    connection.close()
    while list(uploads.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(uploads.iterdir()) == []


def test_an_address_that_cannot_be_had_is_a_sentence(server, tmp_path):
    from vos.app.server.application import AppSettings

    for host, port in (("127.0.0.1", server.port), ("192.0.2.1", 0), ("no such host", 0)):
        with pytest.raises(InputError, match=r"--host|--port"):
            serve(AppSettings(), lambda _: None, host=host, port=port, open_browser=False)
