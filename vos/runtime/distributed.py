"""Several processes, on one machine or on many, that share out one list of work.

Started by `torchrun`, or by `srun` of Slurm, which set the environment; without them there is one
process. What passes between them is small and goes through the CPU (gloo), whatever the models run
on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist

from vos.errors import InputError
from vos.runtime.folder_lock import working_folder
from vos.runtime.slurm import SlurmStep, slurm_step

T = TypeVar("T")
_PATIENCE = timedelta(days=7)
"""How long a process that is done waits for the others. torchrun ends them all if one dies."""

_MEETING = timedelta(minutes=10)
"""How long the processes of a Slurm step wait for the last of them to start."""


@dataclass
class Team:
    """The processes of a run. This one has number `rank` of `size`."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Its number on its own machine."""
    store: Any = None
    """What the processes count in; None where there is one process."""
    _counters: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process is the one that prints, scores and reports."""
        return self.rank == 0

    def shares(self, total: int) -> Iterator[int]:
        """Give numbers from 0 to `total` - 1, each to the process that asks for it first."""
        taken = self.counter()
        while (number := taken(1) - 1) < total:
            yield number

    def counter(self) -> Callable[[int], int]:
        """Return a count from 0 that all processes share: it adds to it and says what it is then.

        All processes have to make their counters in the same order.
        """
        self._counters += 1
        if self.store is not None:
            return partial(self.store.add, f"counter {self._counters}")
        counted = 0

        def add(n: int) -> int:
            nonlocal counted
            counted += n
            return counted

        return add

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, in the order of their ranks, to all of them."""
        if self.store is None:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def from_leader(self, make: Callable[[], T]) -> T:
        """Make a value in the leading process and hand it to all.

        Raises:
            InputError: in the leading process, what `make` raised.
            SystemExit: in the others, with the same meaning, so that it is said once.
        """
        return from_leader(make, leads=self.leads)

    @contextmanager
    def own_folder(self, folder: Path) -> Iterator[None]:
        """Make an output folder and keep other runs out of it while the block runs.

        Raises:
            InputError: another run works in it, or it cannot be made; in all but the leading
                process SystemExit.
        """
        with own_folder(folder, leads=self.leads):
            yield

    def conclude(self, summary: str, failures: Sequence[str]) -> int:
        """Print once how the work of all ended, and return the exit status that all end with.

        torchrun ends with a traceback of its own where that is not 0; the last that it prints are
        these words, too.
        """
        if self.leads:
            print(summary, flush=True)
            for failure in failures:
                print(failure, file=sys.stderr, flush=True)
        if failures and self.local_rank == 0:
            leave_to_torchrun("\n".join((summary, *failures)))
        self.gather(None)  # torchrun ends the others as soon as one has gone
        return 1 if failures else 0

    def one_at_a_time(self, make: Callable[[], T]) -> T:
        """Make a value in every process, the first of each machine before the others of it.

        For what the first one leaves on the disk, as downloads, and the others then find.

        Raises:
            InputError: what `make` raised here; where it did so in another process, SystemExit.
        """
        value: T | None = None
        error: InputError | None = None
        if self.local_rank == 0:
            try:
                value = make()
            except InputError as input_error:
                error = input_error
        failed = any(self.gather(error is not None))
        if error is not None:
            raise error
        if failed:
            raise SystemExit(2)
        return make() if value is None else value

    def device(self, asked: str) -> str:
        """Return the device for this process: a GPU each where GPUs were asked for or are there."""
        if self.size > 1 and asked in {"auto", "cuda"} and torch.cuda.is_available():
            own = f"cuda:{self.local_rank % torch.cuda.device_count()}"
            torch.cuda.set_device(own)  # or page-locked memory would open a context on GPU 0
            return own
        return asked


def leave_to_torchrun(text: str) -> None:
    """Write the text where torchrun takes what to say of a process that failed."""
    if path := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        about = {"py_callstack": text, "timestamp": str(int(time.time()))}
        with suppress(OSError):
            Path(path).write_text(json.dumps({"message": {"message": text, "extraInfo": about}}))


def from_leader(make: Callable[[], T], *, leads: bool) -> T:
    """Make a value in the leading process and hand it to all that have met; alone, make it.

    Raises:
        InputError: in the leading process, what `make` raised.
        SystemExit: in the others, with the same meaning, so that it is said once.
    """
    if not dist.is_initialized():
        return make()
    value_and_error: list[Any] = [None, None]
    if leads:
        try:
            value_and_error[0] = make()
        except InputError as input_error:
            value_and_error[1] = input_error
    dist.broadcast_object_list(value_and_error, src=0)
    value, error = value_and_error
    if error is not None:
        raise error if leads else SystemExit(2)
    return cast("T", value)


@contextmanager
def own_folder(folder: Path, *, leads: bool) -> Iterator[None]:
    """Make an output folder and keep other runs out of it; the leading process does so for all.

    Raises:
        InputError: another run works in it, or it cannot be made; in all but the leading process
            SystemExit.
    """
    with ExitStack() as stack:
        from_leader(lambda: _enter(stack, folder), leads=leads)
        yield


def _enter(stack: ExitStack, folder: Path) -> None:
    try:
        stack.enter_context(working_folder(folder))
    except OSError as error:
        raise InputError(
            f"the output folder {folder} cannot be made or written to: {error.strerror}"
        ) from None


def _meet(step: SlurmStep | None) -> tuple[Any, int, int]:
    """Return the store that the processes share, the rank of this one, and their number."""
    if step is None:
        return next(dist.rendezvous("env://"))
    try:
        return next(dist.rendezvous(step.address, timeout=_MEETING))
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"process {step.rank} of the Slurm step cannot meet the others at {step.host}:"
            f"{step.port} ({str(error).splitlines()[0]}); set MASTER_ADDR and MASTER_PORT to an "
            "address of process 0 that all machines reach"
        ) from None


@contextmanager
def team() -> Iterator[Team]:
    """Join the processes that `torchrun` or `srun` started; be alone without them.

    Raises:
        InputError: the processes of a Slurm step cannot meet.
    """
    step = None if "WORLD_SIZE" in os.environ else slurm_step(os.environ)
    if step is None and int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Team()
        return
    store, rank, size = _meet(step)
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    dist.init_process_group(
        "gloo",
        store=dist.PrefixStore(f"group {attempt}", store),
        rank=rank,
        world_size=size,
        timeout=_PATIENCE,
    )
    local_rank = step.local_rank if step else int(os.environ.get("LOCAL_RANK", rank))
    yield Team(rank, size, local_rank, dist.PrefixStore(f"work {attempt}", store))
    # After success alone: leaving waits for the others, who after a failure wait for this one.
    dist.destroy_process_group()
