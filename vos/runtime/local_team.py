"""A team of processes on this machine, without torchrun, whose exit status is the command's own.

torchrun ends with a traceback of its own whenever a process exits with another status than 0.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from vos.runtime.signals import Terminated

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 20.0
"""How long the others may take to end after one failed: they end together where all is agreed."""


def run_local_team(command: Sequence[str], size: int) -> int:
    """Run a command in several processes that join as `vos.runtime.distributed.team` says.

    Ctrl-C and SIGTERM reach them all; each says itself how it ended.

    Args:
        command: the program and its arguments, the same for all.
        size: how many processes.

    Returns:
        The first status of one that did not end well, else 0; 1 if a signal ended one.
    """
    port = _free_port()
    team = [subprocess.Popen(command, env=_environment(rank, size, port)) for rank in range(size)]
    try:
        status = _wait(team)
        _stop(team, signal.SIGTERM)
    except KeyboardInterrupt as stop:
        # Ctrl-C in a terminal has reached them already, and a second signal would cut their end.
        _stop(team, signal.SIGTERM if isinstance(stop, Terminated) else None)
        raise
    finally:
        _stop(team, signal.SIGKILL)
    if status < 0:
        print(
            f"a process of the run was ended by {signal.Signals(-status).name}; what is done is "
            "kept, and the same command with --resume goes on",
            file=sys.stderr,
        )
        return 1
    return status


def _environment(rank: int, size: int, port: int) -> dict[str, str]:
    """Return what torchrun would say in the environment."""
    threads = max(1, (os.cpu_count() or 1) // size)
    return {
        "OMP_NUM_THREADS": str(threads),
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _wait(team: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait for all, after a failure for a while only; return the first status that is not 0."""
    first, end = 0, float("inf")
    while True:
        statuses = [process.poll() for process in team]
        if not first and (first := next(filter(None, statuses), 0)):
            end = time.monotonic() + (_GRACE_SECONDS if first > 0 else 0)
        if None not in statuses or time.monotonic() >= end:
            return first
        time.sleep(_POLL_SECONDS)


def _stop(team: Sequence[subprocess.Popen[bytes]], how: signal.Signals | None) -> None:
    """Send a signal, if any, to those that run still, and wait for them, but only for a while."""
    running = [process for process in team if process.poll() is None]
    for process in running:
        if how is not None:
            process.send_signal(how)
    for process in running:
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
