"""`vos slurm`: a verb of `vos` as a job of one process."""

import shlex

import pytest

from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.runtime.slurm_job import installed_program


def vos(*words):
    return run_verbs("vos", "", VERBS, [str(word) for word in words])


@pytest.fixture
def clip(tmp_path):
    for name in ("clip.mp4", "mask.png"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path / "clip.mp4"


def test_a_job_is_submitted(clip, tmp_path, monkeypatch, capsys):
    program = tmp_path / "sbatch"
    program.write_text(f'#!/bin/sh\n/bin/cp "$2" {tmp_path}/taken.sh\necho 7\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ["segment", str(clip), "--mask", str(tmp_path / "mask.png"), "-o", "out dir"]
    logs = ("--logs", tmp_path / "logs", "--partition", "gpu", "--constraint", "a100")
    assert vos("slurm", *logs, "--", "vos", *words) == 0
    assert "job 7; its output is in" in capsys.readouterr().out
    script = (tmp_path / "taken.sh").read_text().splitlines()
    assert {"#SBATCH --partition=gpu", "#SBATCH --constraint=a100"} <= set(script)
    assert "#SBATCH --ntasks-per-node=1" in script
    assert shlex.split(script[-1]) == ["srun", *installed_program("vos", "vos"), *words]


def test_what_the_verb_refuses_is_refused(clip, tmp_path, capsys):
    mask = tmp_path / "mask.png"
    assert vos("slurm", "--dry-run", "--", "segment", clip, "--mask", "no.png", "-o", "o") == 2
    assert "mask no.png: no such file or folder" in capsys.readouterr().err
    assert vos("slurm", "--", "segment", clip, "--mask", mask, "-o", "o", "--topk", "few") == 2
    assert "few" in capsys.readouterr().err
    words = ("segment", clip, "--mask", mask, "-o", "o")
    assert vos("slurm", "--nodes", 2, "--dry-run", "--", *words) == 2
    assert "vos segment runs on one" in capsys.readouterr().err
    assert vos("slurm", "--dry-run", "--", "segment", "rtsp://camera/1", *words[2:]) == 0
