import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from benchmarks.davis.run_folder import RunFolder
from tests.data.davis import OPTIONS, bench, davis, make_davis
from vos.runtime.folder_lock import LOCK, locked_folder

ROOT = Path(__file__).resolve().parents[3]
GRID = ("--grid", "topk=5", *OPTIONS)


def masks_of(out):
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("masks/*/*.png"))}


def load(path):
    return json.loads(path.read_text())


def start(data, out, *before):
    command = [*before, "-m", "benchmarks", "davis", "--data", data, "--out", out]
    return subprocess.Popen(
        [sys.executable, *map(str, command), "--processes", "1", *OPTIONS],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_killed_at_any_moment_it_goes_on_to_the_same_scores(tmp_path):
    long = make_davis(tmp_path / "long", {"bear": 40, "crow": 60, "deer": 50})
    assert davis(long, tmp_path / "whole") == 0
    out = tmp_path / "killed"
    process = start(long, out)
    while process.poll() is None and not any((out / "masks").glob("*/*")):
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.3))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (out / "results.json").exists()
    assert load(out / "run.json")["state"] == "running"
    assert davis(long, out) == 0
    assert not (out / "unfinished").exists()
    assert masks_of(out) == masks_of(tmp_path / "whole")
    for name in ("per-frame.csv", "global_results-val.csv", "per-sequence_results-val.csv"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    scores = [load(folder / "results.json") for folder in (out, tmp_path / "whole")]
    assert scores[0]["global"] == scores[1]["global"]
    assert scores[0]["sequences"] == scores[1]["sequences"]


def test_two_runs_do_not_share_a_folder(data, tmp_path, capsys):
    for verb, make in (("davis", davis), ("sweep", partial(bench, "sweep"))):
        out = tmp_path / verb
        out.mkdir()
        arguments = (data, out) if verb == "davis" else ("--data", data, "--out", out, *GRID)
        with locked_folder(out):
            assert make(*arguments) == 2
            assert "in use by process" in capsys.readouterr().err
            assert [path.name for path in out.iterdir()] == [LOCK]


def test_results_say_how_well_the_confidence_ranks_frames(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    ranking = load(out / "results.json")["confidence"]
    with (out / "per-frame.csv").open() as handle:
        assert ranking["frames"] == len(list(csv.DictReader(handle))) > 0
    assert -1 <= ranking["rank_correlation"] <= 1
    assert davis(data, out) == 0
    shown = f"rank correlation with J {ranking['rank_correlation']:.2f}"
    assert shown in capsys.readouterr().out
    assert load(out / "results.json")["confidence"] == ranking
    (out / "sequences" / "crow.csv").unlink()  # as an older version left it
    assert davis(data, out) == 0
    assert load(out / "results.json")["confidence"] is None
    assert "rank correlation" not in capsys.readouterr().out


def test_a_stop_is_recorded(data, tmp_path, monkeypatch):
    def interrupt(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "propagate", interrupt)
    assert davis(data, tmp_path / "run") == 130
    assert load(tmp_path / "run" / "run.json")["state"] == "stopped"


def test_a_failing_sequence_is_reported_and_nothing_averaged(own, data, tmp_path, capsys):
    out = tmp_path / "run"
    assert davis(own, out) == 0
    (own / "JPEGImages" / "480p" / "deer" / "00002.png").write_bytes(b"no image")
    assert davis(own, out, "--overwrite") == 1
    assert "failed: deer: " in capsys.readouterr().err
    assert {p.name for p in (out / "masks").iterdir()} == {"bear", "crow"}
    assert load(out / "run.json")["state"] == "failed"
    assert set(load(out / "results.json")) == {"state", "failed"}
    assert set(load(out / "results.json")["failed"]) == {"deer"}
    assert not list(out.glob("*.csv"))
    assert not (out / "report.html").exists()
    whole = data / "JPEGImages" / "480p" / "deer" / "00002.png"
    shutil.copy(whole, own / "JPEGImages" / "480p" / "deer" / "00002.png")
    assert davis(own, out) == 0
    assert load(out / "results.json")["state"] == "complete"


def test_an_error_in_the_code_fails_its_sequence_alone(data, tmp_path, monkeypatch, capsys):
    propagate = RunFolder.propagate

    def broken(self, sequence, *rest):
        if sequence.name == "crow":
            raise RuntimeError("out of memory")
        propagate(self, sequence, *rest)

    monkeypatch.setattr(RunFolder, "propagate", broken)
    assert davis(data, tmp_path / "run") == 1
    said = capsys.readouterr().err
    assert "failed: crow: RuntimeError: out of memory" in said
    assert "Traceback" in said


def torchrun(data, out):
    process = start(data, out, "-m", "torch.distributed.run", "--standalone",
                    "--nproc-per-node", "2")  # fmt: skip
    said, _ = process.communicate(timeout=240)
    return process.returncode, said


def test_two_processes_give_the_same_scores(whole, data, tmp_path):
    status, said = torchrun(data, tmp_path / "run")
    assert status == 0, said
    assert said.count("J&F-Mean") == 1
    assert masks_of(tmp_path / "run") == masks_of(whole)
    assert (tmp_path / "run" / "per-frame.csv").read_bytes() == (
        whole / "per-frame.csv"
    ).read_bytes()
    run = load(tmp_path / "run" / "run.json")
    assert (run["processes"], len(run["machines"])) == (2, 2)


def test_two_processes_report_a_failing_sequence(own, tmp_path):
    (own / "JPEGImages" / "480p" / "deer" / "00002.png").write_bytes(b"no image")
    status, said = torchrun(own, tmp_path / "run")
    assert status == 1, said
    assert said.count("failed: deer: ") == 1
    assert load(tmp_path / "run" / "results.json") == {
        "state": "failed",
        "failed": load(tmp_path / "run" / "results.json")["failed"],
    }
    assert {p.name for p in (tmp_path / "run" / "masks").iterdir()} == {"bear", "crow"}


@pytest.mark.slow
def test_two_processes_say_wrong_input_once(tmp_path):
    status, said = torchrun(tmp_path / "nowhere", tmp_path / "run")
    assert status == 1
    assert said.count("no such folder") == 1
