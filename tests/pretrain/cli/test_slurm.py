"""`vos-pretrain slurm`: what is submitted and what each node runs."""

import subprocess
import sys
import types

import cv2
import numpy as np
import pytest

from pretrain.cli import run
from pretrain.cli.slurm import TrainingJob


@pytest.fixture
def sbatch(monkeypatch, tmp_path):
    """A machine with Slurm's program."""
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


@pytest.fixture
def asked(monkeypatch):
    """Submitit's part, which keeps what it is asked for."""
    values = {}

    class Executor:
        def __init__(self, folder, cluster):
            values.update(folder=folder, cluster=cluster)

        def update_parameters(self, **options):
            values.update(options)

        def submit(self, job):
            if values.get("slurm_account") == "unknown":
                raise RuntimeError("sbatch: error: Invalid account")
            values["job"] = job
            return types.SimpleNamespace(job_id="42")

    helpers = types.SimpleNamespace(DelayedSubmission=lambda job: ("again", job))
    fake = types.SimpleNamespace(AutoExecutor=Executor, helpers=helpers)
    monkeypatch.setitem(sys.modules, "submitit", fake)
    return values


@pytest.fixture
def data(tmp_path):
    """The training's arguments: four pictures in steps of two, on one GPU."""
    (tmp_path / "data").mkdir()
    for number in range(4):
        cv2.imwrite(str(tmp_path / "data" / f"{number}.png"), np.zeros((8, 8, 3), np.uint8))
    steps = ("--batch-size-per-gpu", "2", "--total-batch", "0")
    return (str(tmp_path / "data"), "--preset", "dino_vits8", *steps)


@pytest.mark.usefixtures("sbatch")
def test_slurm_needs_submitit(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert run(["slurm", "--", "--preset", "dino_vits8"]) == 2
    assert "pip install submitit" in capsys.readouterr().err


def test_slurm_is_refused_where_there_is_none(monkeypatch, asked, data, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert run(["slurm", "--gpus", "1", "--", *data]) == 2
    assert "no program sbatch" in capsys.readouterr().err
    assert not asked


@pytest.mark.usefixtures("sbatch")
def test_slurm_submits_one_task_a_node(asked, data, tmp_path, capsys):
    options = ["--nodes", "1", "--gpus", "2", "--partition", "gpu", "--logs", str(tmp_path)]
    options += ["--account", "a", "--qos", "q", "--constraint", "a100|h100", "--mem", "64G"]
    options += ["--setup", "module load cuda", "--setup", "ulimit -n 4096"]
    assert run(["slurm", *options, "--", *data]) == 0
    assert asked["cluster"] == "slurm"
    assert asked["nodes"] == 1 and asked["gpus_per_node"] == 2 and asked["slurm_partition"] == "gpu"
    assert (asked["slurm_account"], asked["slurm_qos"], asked["slurm_mem"]) == ("a", "q", "64G")
    assert asked["slurm_constraint"] == "a100|h100"
    assert asked["slurm_setup"] == ["module load cuda", "ulimit -n 4096"]
    assert "job 42" in capsys.readouterr().out
    assert asked["job"].arguments == data
    again, job = asked["job"].checkpoint()
    assert again == "again" and job.command("node1")[-9:] == [*data, "--resume", "auto"]


@pytest.mark.usefixtures("sbatch")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (" / --no-such-option", "no-such-option"),
        (" / --epochs -1", "epochs"),
        (" / --data-path other", "named twice"),
        ("--gpus 3 / ", "do not fill one step of 6 images"),
        ("--gpus 3 / --batch-size-per-gpu 4 --total-batch 32", "a total batch of 32 cannot be"),
        (" / --batch-size-per-gpu 4 --total-batch 64", "do not fill one step of 64 images"),
        ("--gpus 0 / ", "gpus"),
        ("--hours 0 / ", "hours is 0"),
    ],
)
def test_nothing_is_submitted_that_training_would_refuse(asked, data, options, message, capsys):
    of_slurm, of_training = (part.split() for part in options.split(" / "))
    assert run(["slurm", "--gpus", "1", *of_slurm, "--", *data, *of_training]) == 2
    assert message in capsys.readouterr().err
    assert not asked


@pytest.mark.usefixtures("sbatch")
def test_data_that_are_not_there_are_refused_before_submitting(asked, tmp_path, capsys):
    assert run(["slurm", "--", str(tmp_path / "missing"), "--preset", "dino_vits8"]) == 2
    assert "missing" in capsys.readouterr().err
    assert not asked


@pytest.mark.usefixtures("sbatch", "asked")
def test_what_sbatch_refuses_is_said(data, capsys):
    assert run(["slurm", "--gpus", "1", "--account", "unknown", "--", *data]) == 1
    assert "Slurm took no job: sbatch: error: Invalid account" in capsys.readouterr().err


def test_a_job_that_is_queued_again_resumes_from_its_own_checkpoints(monkeypatch, taken):
    helpers = types.SimpleNamespace(DelayedSubmission=lambda job: job)
    monkeypatch.setitem(sys.modules, "submitit", types.SimpleNamespace(helpers=helpers))
    job = TrainingJob(("--data-path", "a", "--resume=x.pth"), gpus=1, nodes=1)
    assert "auto" not in job.command("node1")
    command = job.checkpoint().command("node1")
    assert run(command[command.index("train") :]) == 0
    assert taken[0][1].resume == "auto"


def test_a_slurm_node_runs_torchrun(monkeypatch):
    commands = []

    def fake(command, **_options):
        commands.append(command)
        return types.SimpleNamespace(stdout="node1\nnode2\n", returncode=0)

    monkeypatch.setattr(subprocess, "run", fake)
    monkeypatch.setenv("SLURM_JOB_ID", "4123456")
    assert TrainingJob(("--preset", "small"), gpus=4, nodes=2)() == 0
    line = " ".join(commands[1])
    assert "--nnodes=2 --nproc-per-node=4" in line and "--rdzv-endpoint=node1:23456" in line
    assert line.endswith("-m pretrain train --preset small --resume auto")
