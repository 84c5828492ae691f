"""One process or many: torchrun's environment, agreement between ranks, signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType

import torch
import torch.distributed as dist

from vos.devices import resolve_device
from vos.errors import InputError

_PATIENCE = timedelta(minutes=60)  # a rank may wait this long while another probes or saves


@dataclass(frozen=True)
class Processes:
    """This process among those of the run."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """Join the group that torchrun describes in the environment, if any, while the block runs.

    Raises:
        InputError: the device does not exist, or a single GPU is named for several processes.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = resolve_device(device)
    if chosen.type == "cuda" and world > 1:
        if chosen.index is not None:
            raise InputError(f"--device {device} with several processes; give --device cuda")
        chosen = resolve_device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
    if chosen.type == "cuda" and chosen.index is not None:
        torch.cuda.set_device(chosen)  # page-locked memory and NCCL belong to the current device
    if world == 1:
        yield Processes(0, 1, chosen)
        return
    if chosen.type == "cuda":
        dist.init_process_group("nccl", timeout=_PATIENCE, device_id=chosen)
    else:
        dist.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield Processes(dist.get_rank(), world, chosen)
    finally:
        dist.destroy_process_group()


def is_first_process() -> bool:
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


class StopRequest:
    """Remembers SIGINT or SIGTERM until the step is over; a second one interrupts at once."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number


@contextmanager
def deferred_signals() -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a request that the loop looks at, while the block runs."""
    request = StopRequest()
    previous = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            previous[number] = signal.signal(number, request)
    except ValueError:  # not in the main thread: the caller's program owns the signals
        pass
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
