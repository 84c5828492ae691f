"""A command as a job of Slurm: its batch script, and its submission with sbatch."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vos.errors import InputError
from vos.files import atomic_path

_INPUTS = ("data", "root", "train", "test", "config", "runs", "video", "source", "mask", "weights",
           "distractors", "whitening", "batch", "points")  # fmt: skip
_TIME = re.compile(r"\d+|\d+:\d\d(:\d\d)?|\d+-\d+(:\d\d){0,2}")
_NO_PATH = ("://", "camera:", "*", "?", "%", "[")


@dataclass(frozen=True)
class JobOptions:
    """What the cluster is asked for."""

    nodes: int = 1
    """Machines."""
    gpus: int = 1
    """GPUs of each machine; 0 for a job on processors."""
    cpus: int = 8
    """CPU cores of each process."""
    time: str = "24:00:00"
    """Time limit, as Slurm takes it: minutes, hours:minutes:seconds, or days-hours."""
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

    def __post_init__(self) -> None:
        """Check the numbers, and that each text is one line.

        Raises:
            InputError: a value is none that a job can have.
        """
        for name, least in (("nodes", 1), ("gpus", 0), ("cpus", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; expected {least} or more")
        if not _TIME.fullmatch(self.time):
            raise InputError(
                f"time is {self.time!r}; expected minutes, hours:minutes:seconds or days-hours"
            )
        for name in ("partition", "account", "qos", "constraint", "mem"):
            if set("\n\r\"'\\") & set(getattr(self, name)):
                raise InputError(f"{name} is {getattr(self, name)!r}; expected a plain name")

    def directives(self, name: str, tasks: int, logs: Path) -> list[str]:
        """Return the lines of the script that Slurm reads.

        Args:
            name: the job's name.
            tasks: processes on each node.
            logs: folder for the output.
        """
        values = {
            "job-name": name,
            "nodes": self.nodes,
            "ntasks-per-node": tasks,
            "cpus-per-task": self.cpus,
            "gpus-per-node": self.gpus or "",
            "time": self.time,
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "mem": self.mem,
            "output": logs / "%j.out",
        }
        lines = [f"--{key}={value}" for key, value in values.items() if value != ""]
        return [f'#SBATCH "{line}"' if re.search(r"[\s|&*()]", line) else f"#SBATCH {line}"
                for line in lines]  # fmt: skip


def job_script(directives: Sequence[str], setup: Sequence[str], command: Sequence[str]) -> str:
    """Return a batch script that runs a command in every process, in the present folder.

    Args:
        directives: the lines that Slurm reads.
        setup: shell commands before it, as `module load cuda`.
        command: the program and its arguments.
    """
    folder = shlex.quote(str(Path.cwd()))
    lines = ["#!/bin/bash", *directives, "", "set -e", f"cd {folder}", *setup]
    return "\n".join([*lines, f"srun {shlex.join(command)}"]) + "\n"


def installed_program(name: str, package: str) -> list[str]:
    """Return how a node starts a program of this environment: by its file, else as a module.

    A folder of the package's name where the job runs would be taken for the module.
    """
    beside = Path(sys.executable).with_name(name)
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", package]


def submit(script: str, name: str, logs: Path) -> str:
    """Write a script into the folder of logs, submit it, and return the job's number.

    Raises:
        InputError: there is no Slurm on this machine.
        OSError: the script cannot be written, or Slurm took no job; the text is sbatch's.
    """
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise InputError(
            "there is no Slurm on this machine: no program sbatch on the PATH. Submit from a "
            "login node of the cluster, or print the script with --dry-run"
        )
    logs.mkdir(parents=True, exist_ok=True)
    path = logs / f"{name}.sh"
    with atomic_path(path) as beside:
        beside.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sbatch, "--parsable", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"Slurm took no job: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip().partition(";")[0]


def require_inputs(verb: object) -> None:
    """Check that the files and folders are there that a verb's options name.

    Raises:
        InputError: one is not.
    """
    for name, path in _named_paths(verb):
        there = path.exists() or any(parent.is_file() for parent in path.parents)  # in an archive
        if not there:
            raise InputError(
                f"{name.replace('_', '-')} {path}: no such file or folder here; give one that this "
                "machine and the nodes see"
            )


def _named_paths(options: Any) -> Iterator[tuple[str, Path]]:
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from _named_paths(value)
        elif field.name in _INPUTS:
            for one in value if isinstance(value, tuple) else (value,):
                text = str(one).rpartition("=")[2] if field.name == "mask" else str(one)
                is_path = isinstance(one, str | Path) and not any(m in text for m in _NO_PATH)
                if is_path and text:
                    yield field.name, Path(text)
