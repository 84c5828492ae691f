"""`vos-pretrain slurm`: what is submitted and what each node runs."""

import subprocess
import sys
import types

from pretrain.cli import run
from pretrain.cli.slurm import TrainingJob


def test_slurm_needs_submitit(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert run(["slurm", "--", "--preset", "dino_vits8"]) == 2
    assert "pip install submitit" in capsys.readouterr().err


def test_slurm_submits_one_task_a_node(monkeypatch, tmp_path, capsys):
    asked = {}

    class Executor:
        def __init__(self, folder):
            asked["folder"] = folder

        def update_parameters(self, **options):
            asked.update(options)

        def submit(self, job):
            asked["job"] = job
            return types.SimpleNamespace(job_id="42")

    helpers = types.SimpleNamespace(DelayedSubmission=lambda job: ("again", job))
    fake = types.SimpleNamespace(AutoExecutor=Executor, helpers=helpers)
    monkeypatch.setitem(sys.modules, "submitit", fake)
    options = ["--nodes", "2", "--gpus", "4", "--partition", "gpu", "--logs", str(tmp_path)]
    assert run(["slurm", *options, "--", "--preset", "dino_vits8"]) == 0
    assert asked["nodes"] == 2 and asked["gpus_per_node"] == 4 and asked["slurm_partition"] == "gpu"
    assert "job 42" in capsys.readouterr().out
    assert asked["job"].arguments == ("--preset", "dino_vits8")
    again, job = asked["job"].checkpoint()
    assert again == "again" and job.command("node1")[-4:] == [
        *("--preset", "dino_vits8", "--resume", "auto")
    ]


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
