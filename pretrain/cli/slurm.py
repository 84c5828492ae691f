"""The verb `vos-pretrain slurm`: a training run as a Slurm job, by submitit (an extra)."""

from __future__ import annotations

import importlib
import math
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import tyro

from pretrain.sources.options import check_at_least
from vos.cli.verbs import parse, preset_in
from vos.errors import InputError
from vos.runtime.progress import status

if TYPE_CHECKING:
    from pretrain.cli.train import Train


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

    What follows `--` goes to `vos-pretrain train` as it is, once its options and data have been
    checked here. A job that reaches its time limit is queued again and resumes.
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
    account: str = ""
    """Account that pays for the job."""
    qos: str = ""
    """Quality of service."""
    constraint: str = ""
    """Features that the nodes must have."""
    mem: str = ""
    """Memory of each node, as 64G."""
    setup: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Shell command before the training, as 'module load cuda'; may be repeated."""
    cpus_per_gpu: int = 10
    """CPU cores for each GPU."""
    logs: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/slurm")
    """Folder for the jobs' output; every node must see it."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            InputError: a number is below what a job needs.
        """
        check_at_least(self, {"nodes": 1, "gpus": 1, "cpus_per_gpu": 1})
        if not (math.isfinite(self.hours) and self.hours * 60 >= 1):
            raise InputError(f"hours is {self.hours}; expected the time limit, at least a minute")

    def run(self) -> int:
        """Check what is asked for, submit it, print the job's number and return 0.

        Raises:
            InputError: there is no Slurm or submitit here; or training would refuse its options
                or data.
        """
        if shutil.which("sbatch") is None:
            raise InputError(
                "there is no Slurm on this machine: no program sbatch on the PATH. Submit from a "
                "login node of the cluster, or train here with vos-pretrain train"
            )
        try:
            submitit = importlib.import_module("submitit")
        except ImportError:
            raise InputError(
                "submitting to Slurm needs the package submitit: pip install submitit"
            ) from None
        self._check_training()
        status("submitting the job to Slurm")
        executor = submitit.AutoExecutor(folder=str(self.logs), cluster="slurm")
        executor.update_parameters(**self._parameters())
        try:
            job = executor.submit(TrainingJob(self.arguments, self.gpus, self.nodes))
        except RuntimeError as error:  # submitit's own, with what sbatch printed
            print(f"vos-pretrain slurm: failed: Slurm took no job: {error}", file=sys.stderr)
            return 1
        print(f"job {job.job_id}; its output is in {self.logs}")
        return 0

    def _check_training(self) -> None:
        """Refuse here, before any waiting in a queue, what training would refuse at its start."""
        from pretrain.cli import verbs
        from pretrain.config.pretrain_config import with_total_batch
        from pretrain.data.loader import steps_per_epoch
        from pretrain.sources.mixture import Mixture

        status("checking the options and the data of the training")
        verb = next(v for v in verbs(preset_in(self.arguments)) if v.name == "train")
        train = cast("Train", parse("vos-pretrain train", verb.load(), self.arguments))
        options, config = train.chosen_options(), train.config
        mixture = Mixture(options.data_path, options.data_weights, options.sources)
        processes = self.gpus * self.nodes
        config = with_total_batch(config, processes)
        steps_per_epoch(len(mixture), config.batch_size_per_gpu * config.accumulate * processes)

    def _parameters(self) -> dict[str, Any]:
        """Return the job's parameters by submitit's names."""
        of_slurm = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "mem": self.mem,
            "setup": list(self.setup),
        }
        return {
            "nodes": self.nodes,
            "gpus_per_node": self.gpus,
            "tasks_per_node": 1,
            "cpus_per_task": self.cpus_per_gpu * self.gpus,
            "timeout_min": int(self.hours * 60),
            "name": "vos-pretrain",
            **{f"slurm_{name}": value for name, value in of_slurm.items() if value},
        }
