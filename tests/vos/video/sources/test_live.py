"""Streams whose connection ends, served on this machine."""

import functools
import http.server
import socket
import threading
import time
import warnings

import av
import numpy as np
import pytest

from tests.vos.video.files import QuietHandler, encode_ramp, number_of
from vos.errors import InputError
from vos.segmentation.segment import segment_video
from vos.video.frame_range import ReadingOptions
from vos.video.reader import open_frames
from vos.video.sources.live import LiveFrames

SECONDS = 10.0


class Server:
    """Serve one answer a connection, of unknown length; refuse connections after the last one."""

    def __init__(self, *answers, head=b""):
        self.answers = answers
        self.head = b"HTTP/1.0 200 OK\r\n" + head + b"\r\n"
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}/live"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with self.socket:
            for answer in self.answers:
                connection, _ = self.socket.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(self.head + answer)


@pytest.fixture(autouse=True)
def no_delay(monkeypatch):
    monkeypatch.setattr("vos.video.sources.live._FIRST_DELAY", 0.02)


def part(tmp_path, first, count, form="mpegts"):
    """Return the bytes of a stream of some frames of the ramp."""
    path = tmp_path / f"{first}.ts"
    return encode_ramp(path, count=count, first=first, form=form, intra=True).read_bytes()


def read(server, **options):
    """Return the frames' indexes and numbers, and what was said."""
    with (
        warnings.catch_warnings(record=True) as said,
        open_frames(server.address, reading=ReadingOptions(**options)) as reader,
    ):
        warnings.simplefilter("always")
        assert (reader.kind, reader.is_live, reader.count) == ("stream", True, None)
        frames = list(reader)
    times = [frame.time for frame in frames]
    assert times == sorted(times)
    texts = [str(warning.message) for warning in said]
    return [frame.index for frame in frames], [number_of(f.image) for f in frames], texts


def test_a_connection_that_ends_is_made_again(tmp_path):
    server = Server(part(tmp_path, 0, 8), part(tmp_path, 8, 8), part(tmp_path, 16, 4))
    indexes, numbers, texts = read(server, reconnects=2)
    assert indexes == numbers == list(range(20))
    assert "ended after 8 frames" in texts[0]
    assert "connecting again in 0.02 s (1 of 2)" in texts[0]
    assert "ended after 16 frames" in texts[1]
    assert "connecting again gave no new one (attempts: 2)" in texts[-1]
    assert len(texts) == 5


def test_motion_jpeg_of_a_camera(tmp_path):
    def answer(first):
        path = encode_ramp(tmp_path / f"{first}.avi", "mjpeg", count=5, first=first)
        with av.open(str(path)) as file:
            images = [bytes(packet) for packet in file.demux() if packet.size]
        head = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
        return b"".join(head % len(image) + image + b"\r\n" for image in images) + b"--b\r\n"

    mime = b"Content-Type: multipart/x-mixed-replace; boundary=b\r\n"
    indexes, numbers, _ = read(Server(answer(0), answer(5), head=mime), reconnects=1)
    assert indexes == numbers == list(range(10))


def test_a_recording_that_starts_anew_gives_its_further_frames(tmp_path):
    whole = part(tmp_path, 0, 20)
    cut = whole[: len(whole) // 2 // 188 * 188]
    server = Server(cut, whole)
    indexes, numbers, _ = read(server, reconnects=1)
    assert indexes == list(range(20))
    assert numbers[:9] + numbers[10:] == [*range(9), *range(10, 20)]  # the tenth one was cut


def test_a_recording_that_starts_anew_and_gives_nothing_new_is_over(tmp_path):
    whole = part(tmp_path, 0, 12)
    server = Server(whole, whole, whole)
    indexes, numbers, texts = read(server)
    assert indexes == numbers == list(range(12))
    assert "connecting again" in texts[0]
    assert "ended after 12 frames, which each connection gives anew" in texts[1]


def test_closing_does_not_wait_for_the_next_attempt(tmp_path, monkeypatch):
    monkeypatch.setattr("vos.video.sources.live._FIRST_DELAY", 60.0)
    with pytest.warns(UserWarning, match="connecting again in"):
        reader = open_frames(Server(part(tmp_path, 0, 6)).address)
        assert [next(reader).index for _ in range(6)] == list(range(6))
        wait_for(lambda: not reader._ahead._ready.qsize())
        time.sleep(0.1)
    start = time.monotonic()
    reader.close()
    assert time.monotonic() - start < 2
    assert not reader._ahead._thread.is_alive()


def test_connections_that_give_nothing_count_as_attempts(tmp_path):
    server = Server(part(tmp_path, 0, 6), b"", b"", b"", b"")
    indexes, _, texts = read(server, reconnects=3)
    assert indexes == list(range(6))
    assert "(3 of 3)" in texts[-2]


def test_without_attempts_the_end_of_the_connection_is_the_end(tmp_path):
    server = Server(part(tmp_path, 0, 6), part(tmp_path, 6, 6))
    indexes, numbers, texts = read(server, reconnects=0)
    assert indexes == numbers == list(range(6))
    assert not any("connecting again" in text for text in texts)
    with pytest.raises(InputError, match="reconnects is -1"):
        ReadingOptions(reconnects=-1)


def test_a_file_of_known_size_ends(tmp_path):
    encode_ramp(tmp_path / "a.h264", count=6, form="h264")
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/a.h264"
        with warnings.catch_warnings(), open_frames(address) as reader:
            warnings.simplefilter("error")
            assert len(list(reader)) == 6
        server.shutdown()


def test_the_latest_frame_is_taken_and_late_ones_are_dropped(tmp_path):
    server = Server(part(tmp_path, 0, 20))
    reading = ReadingOptions(latest=True, reconnects=0)
    with open_frames(server.address, reading=reading) as reader:
        assert reader.latest
        wait_for(lambda: not reader._ahead._thread.is_alive())
        frames = list(reader)
    assert [(frame.index, number_of(frame.image)) for frame in frames] == [(0, 0), (19, 19)]


def test_masks_for_frames_that_may_be_dropped_are_refused(tmp_path):
    server = Server(part(tmp_path, 0, 4))
    mask = np.ones((64, 96), np.uint8)
    mask[:20] = 0
    with pytest.raises(InputError, match=r"frames \[2\], which may be dropped.*--latest"):
        segment_video(
            server.address,
            {0: mask, 2: mask},
            tmp_path / "out",
            backbone=no_backbone,
            reading=ReadingOptions(latest=True, reconnects=0),
        )


def no_backbone():
    raise AssertionError("weights were loaded first")


def test_latest_of_what_is_not_live_is_told(tmp_path):
    path = encode_ramp(tmp_path / "a.mp4", count=6)
    with (
        pytest.warns(UserWarning, match=r"a\.mp4: no camera or live stream.*--latest"),
        open_frames(path, reading=ReadingOptions(latest=True)) as reader,
    ):
        assert len(list(reader)) == 6


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Broken:
    """A camera that fails after some packets, as one does whose cable is pulled."""

    size = -22

    def __init__(self, container, packets):
        self.container, self.packets = container, packets

    def demux(self, stream):
        for number, packet in enumerate(self.container.demux(stream)):
            if number == self.packets:
                raise av.error.OSError(19, "No such device")
            yield packet

    def close(self):
        self.container.close()


def test_a_camera_that_was_away(tmp_path):
    def connect(first):
        path = encode_ramp(tmp_path / f"{first}.avi", "mjpeg", count=10, first=first)
        container = av.open(str(path))
        return Broken(container, 5), container.streams.video[0]

    answers = iter([av.error.OSError(19, "No such device"), connect(5), connect(10)])

    def again():
        answer = next(answers, None) or av.error.OSError(19, "No such device")
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.warns(UserWarning) as said:
        live = LiveFrames("/dev/video0", *connect(0), connect=again, attempts=2)
        indexes = [index for index, _, _ in live]
    assert indexes == list(range(15))
    texts = [str(warning.message) for warning in said]
    assert "No such device" in texts[0]
    assert "connecting again" in texts[0]
    assert "cannot be reached" in texts[1]
    live.container.close()
