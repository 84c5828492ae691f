import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.points import point_run
from tests.data.point_runs import SMALL, assert_same_scores, assert_same_tracks, load, run_verb
from tests.data.point_sets import make_jhmdb
from vos.runtime.folder_lock import locked_folder

ROOT = Path(__file__).resolve().parents[3]


def start(data, out, *before):
    command = [*before, "-m", "benchmarks", "jhmdb", "--data", data, "-o", out, *SMALL]
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_killed_after_a_video_it_goes_on_to_the_last_digit(jhmdb, tmp_path):
    data, whole = jhmdb
    out = tmp_path / "killed"
    process = start(data, out)
    while process.poll() is None and not any((out / "tracks").rglob("[!.]*.npz")):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (out / "results.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in (out / "tracks").rglob("[!.]*.npz")}
    assert run_verb("jhmdb", data, out) == 0
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())
    assert_same_tracks(out, whole)
    assert_same_scores(out, whole)


def test_two_processes_give_the_same_scores(jhmdb, tmp_path):
    data, whole = jhmdb
    out = tmp_path / "run"
    process = start(data, out, "-m", "torch.distributed.run", "--standalone",
                    "--nproc-per-node", "2")  # fmt: skip
    printed, _ = process.communicate(timeout=240)
    assert process.returncode == 0, printed
    assert printed.count("PCK@0.1") == 1
    assert load(out / "run.json")["processes"] == 2
    assert_same_tracks(out, whole)


def test_a_failing_video_is_reported_and_nothing_averaged(tmp_path, capsys):
    data = make_jhmdb(tmp_path / "JHMDB", frames=2)
    broken = data / "Rename_Images/wave/second/00002.png"
    picture = broken.read_bytes()
    broken.write_bytes(b"no image")
    out = tmp_path / "run"
    assert run_verb("jhmdb", data, out) == 1
    assert "failed: wave/second: " in capsys.readouterr().err
    assert load(out / "results.json")["state"] == load(out / "run.json")["state"] == "failed"
    broken.write_bytes(picture)
    assert run_verb("jhmdb", data, out) == 0
    assert load(out / "results.json")["state"] == "complete"


def test_a_stop_is_recorded(jhmdb, tmp_path, monkeypatch):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(point_run, "track_points", interrupt)
    assert run_verb("jhmdb", jhmdb[0], tmp_path / "run") == 130
    assert load(tmp_path / "run" / "run.json")["state"] == "stopped"


@pytest.mark.parametrize(
    "option", [("--topk", "3"), ("--sigma", "1"), ("--split", "1", "--set", "train")]
)
def test_other_settings_are_refused(jhmdb, option, capsys):
    data, out = jhmdb
    assert run_verb("jhmdb", data, out, *option) == 2
    assert "holds a run with other settings" in capsys.readouterr().err
    assert (out / "results.json").exists()


def test_two_runs_do_not_share_a_folder(jhmdb, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    with locked_folder(out):
        assert run_verb("jhmdb", jhmdb[0], out) == 2
    assert "in use by process" in capsys.readouterr().err
