"""`vos slurm`: any verb as a job of Slurm."""

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


@dataclass(frozen=True)
class Slurm:
    """Submit any verb of vos to Slurm, once its options and inputs have been checked here.

    The job has one process; of several GPUs it uses the first.

    Example: vos slurm --account lab -- vos segment clip.mp4 --mask first.png -o out
    """

    command: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="-- vos VERB OPTIONS")
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
        from vos.cli import VERBS

        words = self.command[self.command[:1] == ("vos",) :]
        verbs = [verb for verb in VERBS if verb.name != _OWN]
        name, verb = parse_command("vos", verbs, words)
        require_inputs(verb)
        if self.job.nodes > 1:
            raise InputError(f"nodes is {self.job.nodes}; vos {name} runs on one")
        tasks = 1
        job = f"vos-{name}"
        program = [*installed_program("vos", "vos"), *words]
        script = job_script(self.job.directives(job, tasks, self.logs), self.setup, program)
        if self.dry_run:
            print(script, end="")
            return 0
        print(f"job {submit(script, job, self.logs)}; its output is in {self.logs}")
        return 0
