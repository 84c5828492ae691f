"""Frames in: every clip of the test data, the choice of frames, folders, streams, wrong input."""

import gc
import threading
import time

import av
import numpy as np
import pytest

from vos.errors import InputError
from vos.video.decoding import Video
from vos.video.reader import open_frames


def test_names_with_brackets(pictures, clip):
    folder = pictures.rename(pictures.with_name("clip [1080p]"))
    movie = pictures.with_name("take [2].mp4")
    movie.write_bytes(clip.read_bytes())
    for source, kind, count in (
        (folder, "folder", 12),
        (folder / "frame?.png", "glob", 10),
        (folder / "frame[12].png", "glob", 2),
        (movie, "video", 40),
    ):
        with open_frames(source) as reader:
            assert (reader.kind, len(list(reader))) == (kind, count)


def test_reading_twice_gives_the_same(clip):
    runs = []
    for read_ahead in (1, 7):
        with open_frames(clip, read_ahead=read_ahead) as reader:
            runs.append(np.stack([frame.image for frame in reader]))
            assert next(reader, None) is None
    np.testing.assert_array_equal(*runs)


def test_decoding_runs_ahead_but_not_further(pictures, monkeypatch):
    read = []
    monkeypatch.setattr(
        "vos.video.frames.read_image",
        lambda path, _levels: read.append(path) or np.zeros((4, 4, 3), np.uint8),
    )
    with open_frames(pictures, read_ahead=3) as reader:
        deadline = time.monotonic() + 5
        while len(read) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
        assert len(read) == 4  # three in the queue, one in the thread's hand
        next(reader)
    assert len(read) <= 5


def test_frames_are_freed_without_the_garbage_collector(clip):
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
        with open_frames(clip) as reader:
            assert sum(1 for _ in reader) == 40
        after = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert after - before <= 1


def test_closing_early_stops_the_thread(clip):
    before = threading.active_count()
    for _ in range(5):
        with open_frames(clip, read_ahead=2) as reader:
            next(reader)
    reader.close()
    assert threading.active_count() == before
    assert list(reader) == []


def test_a_dropped_reader_stops_its_thread(clip):
    before = threading.active_count()
    reader = open_frames(clip, read_ahead=1)
    next(reader)
    del reader
    gc.collect()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() == before


def test_names_with_a_colon_and_odd_letters_are_files(clip, tmp_path):
    path = tmp_path / "take:1 é%03d.mp4"
    path.write_bytes(clip.read_bytes())
    with open_frames(path) as reader:
        assert len(list(reader)) == 40


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("nothing.mp4", r"nothing\.mp4: no such file"),
        ("none/*.jpg", "no pictures found"),
        ("camera:", "expected camera:N"),
        ("camera:front", "expected camera:N"),
        ("camera:987", "/dev/video987: cannot be reached"),
        ("rtsp://127.0.0.1:9/live", "cannot be reached"),
    ],
)
def test_sources_that_are_not_there(source, found):
    with pytest.raises(InputError, match=found):
        open_frames(source)


def test_unreadable_picture_in_the_middle_is_named(pictures):
    (pictures / "frame5.png").write_bytes(b"broken")
    got = []
    with open_frames(pictures) as reader, pytest.raises(InputError, match=r"frame5\.png: not a"):
        got.extend(frame.index for frame in reader)
    assert got == [0, 1, 2, 3, 4]


def test_errors_of_the_thread_reach_the_reader(pictures, monkeypatch):
    def fail(_path, _levels):
        raise MemoryError("no more")

    monkeypatch.setattr("vos.video.frames.read_image", fail)
    with open_frames(pictures) as reader, pytest.raises(MemoryError, match="no more"):
        next(reader)


def test_a_video_that_is_refused_is_closed(clip, monkeypatch):
    closed = []
    close = Video.close
    monkeypatch.setattr(Video, "close", lambda self: (closed.append(self.name), close(self)))
    with pytest.raises(InputError, match="start earlier"):
        open_frames(clip, start=10_000)
    assert closed == [str(clip)]
