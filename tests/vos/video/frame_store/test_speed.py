"""How long frames take, and how much memory, on clips of the size that people have."""

import time

import av
import cv2
import numpy as np
import pytest

from tests.vos.video.frame_store.stores import indexed
from vos.video.frame_store.store import FrameStore


def clip(path, count, size, rate, preset):
    """Write a picture that moves by some pixels a frame."""
    height, width = size
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8 + 30, width // 8 + 30, 3))
    large = cv2.resize(coarse.astype(np.uint8), None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate, options={"preset": preset})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(count):
            left, top = number * 3 % 200, number % 200
            image = np.ascontiguousarray(large[top : top + height, left : left + width])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        out.mux(stream.encode(None))
    return path


def seconds(ask, *arguments):
    start = time.perf_counter()
    ask(*arguments)
    return time.perf_counter() - start


@pytest.mark.slow
def test_half_a_minute_of_1080p(tmp_path):
    path = clip(tmp_path / "a.mp4", 900, (1080, 1920), 30, "superfast")
    start = time.perf_counter()
    with indexed(path) as store:
        assert time.perf_counter() - start < 2
        order = np.random.default_rng(0).permutation(900)[:20]
        cold = [seconds(store.jpeg, int(number)) for number in order]
        cached = [seconds(store.jpeg, int(number)) for number in order]
    print(f"cold {np.median(cold):.3f} (most {max(cold):.3f}), cached {np.median(cached):.5f} s")
    assert np.median(cold) < 0.8  # twice the aim: the machine may be busy
    assert max(cached) < 0.1


@pytest.mark.slow
def test_two_hours_open_at_once(tmp_path):
    path = clip(tmp_path / "a.mp4", 14400, (180, 320), 2, "ultrafast")
    start = time.perf_counter()
    with FrameStore(path) as store:
        assert store.jpeg(0)
        assert time.perf_counter() - start < 1
    with indexed(path) as store:
        assert time.perf_counter() - start < 10
        assert store.count == 14400
        assert seconds(store.jpeg, 14000) < 1
