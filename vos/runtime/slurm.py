"""The processes of a Slurm step, as `srun` describes them in the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vos.errors import InputError

_FIRST_PORT, _PORTS = 20_000, 10_000
_STEP = ("SLURM_STEP_ID", "SLURM_STEP_NODELIST", "SLURM_STEP_NUM_TASKS")


@dataclass(frozen=True)
class SlurmStep:
    """The place of this process among those that one `srun` started."""

    rank: int
    size: int
    local_rank: int
    """Its number on its own machine."""
    host: str
    """The machine of process 0."""
    port: int
    """Where process 0 listens: `MASTER_PORT`, else one that follows from the job and the step."""

    @property
    def address(self) -> str:
        """Where the processes meet, as PyTorch takes it."""
        return f"tcp://{self.host}:{self.port}?rank={self.rank}&world_size={self.size}"


def slurm_step(environment: Mapping[str, str]) -> SlurmStep | None:
    """Return the step that this process is one of.

    Args:
        environment: the process's variables.

    Returns:
        None outside of a step of several processes. A batch script's own commands are outside,
        too, though Slurm sets most of the same variables there.

    Raises:
        InputError: a variable is missing or no number.
    """
    if "SLURM_PROCID" not in environment:
        return None
    is_batch = environment.get("ENVIRONMENT") == "BATCH"
    if is_batch and not any(name in environment for name in _STEP):
        return None
    tasks = "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in environment else "SLURM_NTASKS"
    size = _number(environment, tasks, "1")
    if size == 1:
        return None
    rank = _number(environment, "SLURM_PROCID")
    nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST", "")
    host = environment.get("MASTER_ADDR") or first_host(nodes)
    if not host:
        raise InputError(
            "SLURM_STEP_NODELIST and SLURM_JOB_NODELIST are not set, so the processes do not know "
            "where to meet; start them with srun, or set MASTER_ADDR to the first machine's name"
        )
    # Two jobs, or two steps of one, may share their first machine.
    own = 7 * _number(environment, "SLURM_JOB_ID", "0") + _number(environment, "SLURM_STEP_ID", "0")
    port = _number(environment, "MASTER_PORT", str(_FIRST_PORT + own % _PORTS))
    return SlurmStep(rank, size, _number(environment, "SLURM_LOCALID"), host, port)


def first_host(nodes: str) -> str:
    """Return the first host of Slurm's short form of a list: `gpu01` of `gpu[01-04,07],cpu3`."""
    whole = re.match(r"(?:\[[^\]]*\]|[^,\[])*", nodes.strip())
    first = whole[0] if whole else ""
    return re.sub(r"\[([^\],-]*)[^\]]*\]", r"\1", first)


def _number(environment: Mapping[str, str], name: str, default: str | None = None) -> int:
    value = environment.get(name, default)
    if value is None or not value.isdecimal():
        shown = "not set" if value is None else repr(value)
        raise InputError(
            f"{name} is {shown}, where srun sets a number; start the processes with srun, or "
            "with torchrun"
        )
    return int(value)
