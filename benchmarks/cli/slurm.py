"""`vos-bench slurm`: any verb as a job of Slurm."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from vos.cli.verbs import parse_command
from vos.errors import InputError
from vos.runtime.slurm_job import (
    JobOptions,
    installed_program,
    job_script,
    require_inputs,
    submit,
)

_OWN = "slurm"
_SHARED = (
    "davis", "jhmdb", "vip", "badja", "tap-vid", "clicks", "rounds", "sweep", "knn", "linear",
    "retrieval", "copy-detection", "attention-segmentation", "finetune",
)  # fmt: skip
"""Verbs whose work several processes share."""


@dataclass(frozen=True)
class Slurm:
    """Submit any verb of vos-bench to Slurm, once its options and inputs have been checked here.

    Each GPU gets a process; on processors each node does. They share the work of the verbs that can
    be shared; the others run in one process, on one node.

    Example: vos-bench slurm --gpus 4 -- vos-bench davis --data DAVIS -o runs/davis
    """

    command: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="-- vos-bench VERB OPTIONS")
    ]
    """The command, after `--`."""
    job: JobOptions = field(default_factory=JobOptions)
    setup: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Shell command before it, as 'module load cuda'; may be repeated."""
    logs: Path = Path("runs/slurm")
    """Folder for the script and the job's output; every node must see it."""
    dry_run: bool = False
    """Print the script, and submit nothing."""

    def run(self) -> int:
        """Check the command, submit it or print its script, and return 0.

        Raises:
            InputError: the verb would refuse the command, an input is missing, or there is no
                Slurm here.
            OSError: Slurm took no job.
        """
        from benchmarks.cli import VERBS

        words = self.command[self.command[:1] == ("vos-bench",) :]
        verbs = [verb for verb in VERBS if verb.name != _OWN]
        name, verb = parse_command("vos-bench", verbs, words)
        require_inputs(verb)
        is_shared = name in _SHARED
        if self.job.nodes > 1 and not is_shared:
            raise InputError(f"nodes is {self.job.nodes}; vos-bench {name} runs in one process")
        tasks = max(self.job.gpus, 1) if is_shared else 1
        job = f"vos-bench-{name}"
        program = [*installed_program("vos-bench", "benchmarks"), *words]
        script = job_script(self.job.directives(job, tasks, self.logs), self.setup, program)
        if self.dry_run:
            print(script, end="")
            return 0
        print(f"job {submit(script, job, self.logs)}; its output is in {self.logs}")
        return 0
