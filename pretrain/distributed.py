"""One process or many: torchrun's environment, agreement between ranks, signals."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from vos.errors import InputError
from vos.runtime.devices import resolve_device
from vos.runtime.distributed import leave_to_torchrun

_PATIENCE = timedelta(minutes=60)  # a rank may wait this long while another probes or saves


@dataclass(frozen=True)
class Processes:
    """The processes of a run. This one has number `rank` of `size`."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes files and messages."""
        return self.rank == 0


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """Join the group that torchrun describes in the environment, if any, while the block runs.

    After an error the process has to end, which is how the others notice.

    Raises:
        InputError: the device does not exist, or a single GPU is named for several processes.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    resolved = resolve_device(device)
    if resolved.type == "cuda" and size > 1:
        if resolved.index is not None:
            raise InputError(f"--device {device} with several processes; give --device cuda")
        resolved = resolve_device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
    if resolved.type == "cuda" and resolved.index is not None:
        torch.cuda.set_device(resolved)  # page-locked memory and NCCL belong to the current device
    if size == 1:
        yield Processes(0, 1, resolved)
        return
    if resolved.type == "cuda":
        dist.init_process_group("nccl", timeout=_PATIENCE, device_id=resolved)
    else:
        dist.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield Processes(dist.get_rank(), size, resolved)
    except Exception as error:
        if not lost_another_process(error):
            leave_to_torchrun(f"{type(error).__name__}: {error}")
        raise
    # After success alone: leaving waits for the others, who after a failure wait for this one.
    dist.destroy_process_group()


def is_leader() -> bool:
    """Whether this is the process that speaks for the run, before or after it has joined."""
    return os.environ.get("RANK", "0") == "0"


def in_any_process(flags: list[bool], device: torch.device) -> list[bool]:
    """Tell for each flag whether it is set in any process."""
    if not dist.is_initialized():
        return flags
    values = torch.tensor(flags, dtype=torch.float32, device=device)
    dist.all_reduce(values, op=dist.ReduceOp.MAX)
    return [value > 0 for value in values.tolist()]


def wait_for_all() -> None:
    """Return when every process has come this far."""
    if dist.is_initialized():
        dist.barrier()


def lost_another_process(error: BaseException) -> bool:
    """Whether an error means that another process of the run is gone."""
    words = ("Connection closed by peer", "Connection reset by peer", "gloo", "NCCL", "TCPStore")
    return dist.is_available() and any(word in str(error) for word in words)


def sum_over_processes(values: Tensor) -> Tensor:
    """Add `values` over all processes, in place, and return them."""
    if dist.is_initialized():
        dist.all_reduce(values)
    return values


def process_count() -> int:
    """Return the number of processes of the run."""
    return dist.get_world_size() if dist.is_initialized() else 1
