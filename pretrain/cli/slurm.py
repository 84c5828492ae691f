"""The verb `vos-pretrain slurm`: a training run as a Slurm job, by submitit (an extra)."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from vos.errors import InputError
from vos.runtime.progress import status


@dataclass(frozen=True)
class TrainingJob:
    """What each node runs: torchrun with its processes; also what Slurm calls before a limit."""

    arguments: tuple[str, ...]
    gpus: int
    nodes: int

    def command(self, head: str) -> list[str]:
        """Return the command of one node; `head` is the first node's name."""
        return [
            sys.executable,
            "-m",
            "torch.distributed.run",
            f"--nnodes={self.nodes}",
            f"--nproc-per-node={self.gpus}",
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={head}:{_port()}",
            "-m",
            "pretrain",
            "train",
            *self.arguments,
            *([] if _names_resume(self.arguments) else ["--resume", "auto"]),
        ]

    def __call__(self) -> int:
        """Run this node's share of the training and return its exit status."""
        nodes = os.environ.get("SLURM_JOB_NODELIST", "")
        listed = subprocess.run(
            ["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True
        )
        return subprocess.run(self.command(listed.stdout.split()[0]), check=True).returncode

    def checkpoint(self) -> Any:
        """Ask submitit to queue the job again; it resumes from its own checkpoints."""
        submitit = importlib.import_module("submitit")
        again = replace(self, arguments=(*self.arguments, "--resume", "auto"))
        return submitit.helpers.DelayedSubmission(again)


def _port() -> int:
    """Return a port of this job's own, as two jobs may share their first node."""
    return 20000 + int(os.environ.get("SLURM_JOB_ID", "0")) % 10000


def _names_resume(arguments: tuple[str, ...]) -> bool:
    return any(a == "--resume" or a.startswith("--resume=") for a in arguments)


@dataclass(frozen=True)
class Slurm:
    """Submit a training run to Slurm. Needs the package submitit.

    Example: vos-pretrain slurm --nodes 2 -- photos/ --preset dino_vits16 -o /shared/runs/mine

    What follows `--` goes to `vos-pretrain train` as it is. A job that reaches its time limit is
    queued again and resumes.
    """

    arguments: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="-- TRAIN-ARGUMENTS")
    ]
    """Data and options of `vos-pretrain train`, after `--`."""
    nodes: int = 1
    """Machines."""
    gpus: int = 8
    """GPUs of each machine."""
    hours: float = 24.0
    """Time limit of one job."""
    partition: str = ""
    """Slurm partition; empty: the cluster's own choice."""
    cpus_per_gpu: int = 10
    """CPU cores for each GPU."""
    logs: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/slurm")
    """Folder for the jobs' output; every node must see it."""

    def run(self) -> int:
        """Submit, print the job's number and return 0."""
        try:
            submitit = importlib.import_module("submitit")
        except ImportError:
            raise InputError(
                "submitting to Slurm needs the package submitit: pip install submitit"
            ) from None
        status("submitting the job to Slurm")
        executor = submitit.AutoExecutor(folder=str(self.logs))
        options: dict[str, Any] = {
            "nodes": self.nodes,
            "gpus_per_node": self.gpus,
            "tasks_per_node": 1,
            "cpus_per_task": self.cpus_per_gpu * self.gpus,
            "timeout_min": int(self.hours * 60),
            "name": "vos-pretrain",
        }
        if self.partition:
            options["slurm_partition"] = self.partition
        executor.update_parameters(**options)
        job = executor.submit(TrainingJob(self.arguments, self.gpus, self.nodes))
        print(f"job {job.job_id}; its output is in {self.logs}")
        return 0
