"""Signals: SIGTERM as an exception, and stops that wait for a step's end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


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


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; handled as Ctrl-C is, with its own exit status."""


def catch_sigterm() -> Any:
    """Turn SIGTERM into `Terminated`; return the earlier handler, None off the main thread."""

    def handler(_signum: int, _frame: FrameType | None) -> None:
        raise Terminated

    try:
        return signal.signal(signal.SIGTERM, handler)
    except ValueError:  # not in the main thread: the caller's program owns the signals
        return None
