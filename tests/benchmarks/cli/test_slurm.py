"""`vos-bench slurm`: any verb as a job, checked before it is submitted."""

import shlex

import pytest

from tests.data.davis import bench
from vos.runtime.slurm_job import installed_program

JOB = ("slurm", "--account", "lab", "--setup", "module load cuda", "--dry-run")


def test_a_dry_run_prints_the_script(tmp_path, capsys):
    words = ["vos-bench", "davis", "--data", str(tmp_path), "-o", "runs/davis", "--year", "2016"]
    assert bench(*JOB, "--gpus", 4, "--nodes", 2, "--", *words) == 0
    script = capsys.readouterr().out.splitlines()
    assert "#SBATCH --account=lab" in script and "#SBATCH --ntasks-per-node=4" in script
    assert "module load cuda" in script
    assert shlex.split(script[-1]) == [
        "srun", *installed_program("vos-bench", "benchmarks"), *words[1:]
    ]  # fmt: skip


def test_a_verb_that_is_not_shared_has_one_process(tmp_path, capsys):
    words = ("table", str(tmp_path))
    assert bench(*JOB, "--gpus", 4, "--", *words) == 0
    assert "#SBATCH --ntasks-per-node=1" in capsys.readouterr().out
    assert bench(*JOB, "--nodes", 2, "--", *words) == 2
    assert "runs in one process" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("davis --no-such-option", "no-such-option"),
        ("davis --data absent -o out --topk 0", "topk"),
        ("davis --data absent -o out", "data absent: no such file or folder"),
        ("knn --train absent -o out", "train absent: no such file or folder"),
        ("davis --data . -o out --preset absent", "absent"),
        ("nothing", "no verb 'nothing'"),
        ("slurm -- davis", "no verb 'slurm'"),
        ("", "no command"),
    ],
)
def test_nothing_is_submitted_that_the_verb_would_refuse(words, message, capsys):
    assert bench("slurm", "--", *words.split()) == 2
    assert message in capsys.readouterr().err


def test_without_slurm_nothing_is_submitted(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bench("slurm", "--", "davis", "--data", tmp_path, "-o", tmp_path / "out") == 2
    assert "no program sbatch" in capsys.readouterr().err
