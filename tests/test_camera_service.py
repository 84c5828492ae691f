"""The example of a service: several streams, prompts while it runs, a restart, wrong input."""

import contextlib
import csv
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools.example_notebooks import EXAMPLES
from vos.masks.io import read_mask, write_mask

HEIGHT, WIDTH, FRAMES = 120, 214, 24
SCRIPT = EXAMPLES / "camera_service.py"
SECONDS = 240  # the machine may be busy


@pytest.fixture
def streams(tmp_path):
    """Two small films with two objects each; returns the words that name them."""
    pytest.importorskip("torch")
    from vos.video.writer import VideoWriter

    for seed, name in enumerate(("left", "right")):
        with VideoWriter(tmp_path / f"{name}.mp4", 60) as video:
            for number in range(FRAMES):
                video.write(picture(number, seed)[0])
    return [f"{name}={tmp_path / name}.mp4" for name in ("left", "right")]


def picture(number, seed):
    """A square that goes right and a disc that goes left before noise, and their ids."""
    noise = np.random.default_rng(seed).integers(60, 120, (8, 14, 3), np.uint8)
    image = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for canvas, square, disc in ((image, (230, 40, 30), (30, 60, 230)), (ids, 1, 2)):
        cv2.rectangle(canvas, (20 + number, 20), (60 + number, 60), square, -1)
        cv2.circle(canvas, (WIDTH - 40 - number, 85), 22, disc, -1)
    return image, ids


def give(folder, name, ids):
    """Move a mask in, as a program would do that must not be read half way."""
    (folder / "prompts").mkdir(parents=True, exist_ok=True)
    write_mask(folder / f"{name}.beside.png", ids)
    (folder / f"{name}.beside.png").replace(folder / "prompts" / f"{name}.png")


def start(out, *words):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(out), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextlib.contextmanager
def running(out, *words):
    process = start(out, *words)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ends(process):
    """What it printed, once it has ended by itself with status 0."""
    printed, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    return printed


def wait_until(holds, process):
    end = time.monotonic() + SECONDS
    while not holds():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.05)


def rows(folder):
    """(step, object) pairs of confidence.csv, all of whose rows have to be whole."""
    with (folder / "confidence.csv").open() as file:
        lines = list(csv.reader(file))
    assert all(0 <= float(row[3]) <= 1 and row[4] in "01" for row in lines)
    return [(int(row[1]), int(row[2])) for row in lines]


def masks(folder):
    return sorted((folder / "masks").glob("*.png"))


def test_objects_are_added_and_a_signal_saves_the_state(streams, tmp_path):
    out = tmp_path / "out"
    first = picture(0, 0)[1]
    for name in ("left", "right"):
        give(out / name, "first", np.where(first == 1, 1, 0).astype(np.uint8))
    with running(out, *streams, "--loop") as process:
        wait_until(lambda: len(masks(out / "left")) >= 2, process)
        give(out / "left", "second", np.where(first == 2, 2, 0).astype(np.uint8))
        used = out / "left" / "prompts" / "used"
        wait_until(lambda: len(list(used.glob("*.png"))) == 2, process)
        (out / "right" / "prompts" / "broken.png").write_bytes(b"no picture")
        wait_until(lambda: len(list((out / "right/prompts/used").glob("*.png"))) == 2, process)
        count = len(masks(out / "right"))
        wait_until(lambda: len(masks(out / "right")) > count, process)
        process.send_signal(signal.SIGTERM)
        printed = ends(process)
    assert "broken.png" in printed
    steps = dict(re.findall(r"(\w+): (\d+) frames", printed))
    for name in ("left", "right"):
        assert len(masks(out / name)) == int(steps[name])
        assert (out / name / "state" / "tracker.safetensors").is_file()
    assert {number for _, number in rows(out / "left")} == {1, 2}
    assert {number for _, number in rows(out / "right")} == {1}
    assert set(np.unique(read_mask(masks(out / "left")[-1]).ids)) >= {1, 2}


def test_the_same_command_goes_on(streams, tmp_path):
    out = tmp_path / "out"
    give(out / "left", "first", picture(0, 0)[1])
    words = [*streams, "--loop", "--frames", "3"]
    with running(out, *words) as process:
        assert "left: 3 frames" in ends(process)
    with running(out, *words) as process:
        printed = ends(process)
    assert "left: going on at step 3" in printed
    assert "left: 6 frames" in printed
    assert rows(out / "left") == [(step, number) for step in range(6) for number in (1, 2)]
    assert len(list((out / "left/state").glob("frames-*.npz"))) == 1
    assert 1 in read_mask(masks(out / "left")[-1]).ids


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["left=missing.mp4"], "missing.mp4: no such file"),
        (["left"], "expected NAME=SOURCE"),
        (["=clip.mp4"], "expected NAME=SOURCE"),
        (["a/b=clip.mp4"], "NAME a folder's"),
        (["..=camera:0"], "NAME a folder's"),
        (["left=camera:0", "left=camera:1"], "used once"),
    ],
)
def test_a_wrong_stream_is_refused(words, message, tmp_path):
    pytest.importorskip("torch")
    process = start(tmp_path / "out", *words)
    errors = process.communicate(timeout=SECONDS)[1]
    assert process.returncode == 2
    assert message in errors
    assert "Traceback" not in errors


LOOK = """
import sys, resource
sys.path.insert(0, sys.argv.pop(1))
import camera_service as service
from vos import PropagationConfig

service.CONFIG = PropagationConfig(mode="adaptive", short_side=64)
class Watched(service.Stream):
    total = 0
    def step(self, frame, features):
        super().step(frame, features)
        Watched.total += 1
        if Watched.total % 500 == 0:
            with open("/proc/self/statm") as file:
                pages = int(file.read().split()[1])
            print("RSS", Watched.total, pages * resource.getpagesize(), flush=True)
service.Stream = Watched
service.SAVE_SECONDS = 5
service.main()
"""


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_memory_stays_flat_over_10000_frames_of_four_streams(streams, tmp_path):
    out = tmp_path / "out"
    words = [stream.replace("=", f"{number}=") for number in (0, 1) for stream in streams]
    for word in words:
        give(out / word.partition("=")[0], "first", picture(0, 0)[1])
    command = [sys.executable, "-c", LOOK, str(EXAMPLES), str(out), *words]
    done = subprocess.run(
        [*command, "--loop", "--frames", "2500"],
        capture_output=True, text=True, check=True, timeout=3500,
    )  # fmt: skip
    sizes = {int(n): int(size) for n, size in re.findall(r"RSS (\d+) (\d+)", done.stdout)}
    assert sizes[10_000] < sizes[1_000] + 32 * 2**20
    assert all(len(masks(out / word.partition("=")[0])) == 1000 for word in words)
