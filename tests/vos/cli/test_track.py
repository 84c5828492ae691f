"""`vos track` as a user meets it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.data.moving_texture import FRAMES, moving
from vos.cli import VERBS
from vos.cli.verbs import parse, run_verbs
from vos.files import write_png
from vos.propagation.presets import PRESETS
from vos.tracking.point_files import read_tracks

ROOT = Path(__file__).resolve().parents[3]
SMALL = ["--backbone", "efficientnet_lite0", "--short-side", "96", "--precision", "fp32"]
SMALL += ["--device", "cpu"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    for number, frame in enumerate(moving()):
        write_png(folder / "frames" / f"{number:05d}.png", frame)
    (folder / "points.csv").write_text("frame,x,y\n0,30,40\n00002,60,30\n")
    return folder


def run(clip, out, *options):
    points = ["--points", str(clip / "points.csv")]
    argv = ["track", str(clip / "frames"), *points, "-o", str(out), *SMALL, *options]
    return run_verbs("vos", "", VERBS, argv)


def test_tracks_and_overlay_are_written(clip, tmp_path, capsys):
    assert run(clip, tmp_path / "out") == 0
    told = capsys.readouterr().out
    assert "2 points in 10 frames" in told
    assert str(tmp_path / "out" / "tracks.csv") in told
    rows = read_tracks(tmp_path / "out" / "tracks.csv")
    assert [row.frame for row in rows].count(9) == 2
    assert len(rows) == FRAMES + FRAMES - 2
    assert run(clip, tmp_path / "out") == 2
    assert "holds another run" in capsys.readouterr().err
    assert run(clip, tmp_path / "out", "--resume") == 0
    assert "complete already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["track", "clip"], "give a video, --points FILE.csv and -o OUT"),
        (["track", "clip", "-o", "out", "--points", "none.csv"], "cannot be read as a CSV file"),
        (["track", "--preset", "siammae-vip"], "is for masks"),
        (
            ["track", "clip", "-o", "out", "--points", "none.csv", "--mode", "adaptive"],
            "mode is adaptive, which is for masks",
        ),
        (["track", "--round-trip", "-1"], "round_trip is -1"),
    ],
)
def test_wrong_input_is_said(options, message, capsys):
    assert run_verbs("vos", "", VERBS, options) == 2
    assert message in capsys.readouterr().err


def test_a_preset_gives_both_configurations():
    verb = next(verb for verb in VERBS if verb.name == "track")
    arguments = ["--preset", "crw-jhmdb", "--strongest", "9"]
    parsed = parse("vos track", verb.load_for(arguments), arguments)
    preset = PRESETS["crw-jhmdb"]
    assert parsed.propagation == preset.propagation
    assert parsed.point_config == replace(preset.points, strongest=9)


def test_ctrl_c_keeps_the_tracks_and_says_how_to_go_on(clip, tmp_path):
    long, out = tmp_path / "long", tmp_path / "out"
    for number in range(400):
        path = clip / "frames" / f"{number % FRAMES:05d}.png"
        (long / f"{number:05d}.png").parent.mkdir(exist_ok=True)
        (long / f"{number:05d}.png").symlink_to(path)
    argv = ["track", str(long), "--points", str(clip / "points.csv"), "-o", str(out), *SMALL]
    process = subprocess.Popen(
        [sys.executable, "-m", "vos", *argv],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    tracks = out / "tracks.csv"
    end = time.monotonic() + 120
    while time.monotonic() < end and not (tracks.is_file() and tracks.stat().st_size > 300):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped by Ctrl-C; the tracks so far are in" in told
    assert 1 < len({row.frame for row in read_tracks(tracks)}) < 400
    assert (out / "overlay.mp4").is_file()
