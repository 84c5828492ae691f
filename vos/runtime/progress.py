"""Progress with rate and time left: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

_PLAIN_INTERVAL = 5.0  # seconds between progress lines when the output is not a terminal


class Advance(Protocol):
    """Report that `n` more units are done.

    `note` is shown beside the rate; `total` replaces the total where it is known only now.
    """

    def __call__(self, n: int = 1, note: str = "", total: int | None = None) -> None:
        """Advance the progress display."""
        ...


def status(text: str) -> None:
    """Say on standard error what begins now and takes a moment; under torchrun, rank 0 does."""
    if os.environ.get("RANK", "0") == "0":
        print(f"{text} …", file=sys.stderr, flush=True)


@contextmanager
def progress(label: str, total: int | None, unit: str = "frames") -> Iterator[Advance]:
    """Show progress with rate and time left while the block runs.

    A bar on a terminal, a plain line every few seconds otherwise; both on standard error.
    """
    shown = _bar if sys.stderr.isatty() else _lines
    with shown(label, total, unit) as advance:
        yield advance


@contextmanager
def _bar(label: str, total: int | None, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[note]}"),
    )
    clock = _Clock(total)
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bars:
        task = bars.add_task(label, total=total, rate="", left="", note="")

        def advance(n: int = 1, note: str = "", total: int | None = None) -> None:
            clock.add(n, total)
            rate = f"{clock.rate:.2f} {unit}/s"
            bars.update(
                task,
                advance=n,
                total=clock.total,
                rate=rate,
                left=clock.left,
                note=note,
                refresh=True,
            )

        yield advance


@contextmanager
def _lines(label: str, total: int | None, unit: str) -> Iterator[Advance]:
    clock = _Clock(total)
    last = time.monotonic()

    def write(note: str) -> None:
        of = "" if clock.total is None else f"/{clock.total}"
        text = f"{label}: {clock.done}{of} {unit}, {clock.rate:.2f} {unit}/s"
        print(", ".join(filter(None, (text, clock.left, note))), file=sys.stderr, flush=True)

    def advance(n: int = 1, note: str = "", total: int | None = None) -> None:
        nonlocal last
        clock.add(n, total)
        if time.monotonic() - last >= _PLAIN_INTERVAL:
            last = time.monotonic()
            write(note)

    yield advance
    write("done")


class _Clock:
    """Counts units and tells the rate since the first call."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.done = 0
        self._start = time.monotonic()

    def add(self, n: int, total: int | None = None) -> None:
        self.done += n
        self.total = self.total if total is None else total

    @property
    def rate(self) -> float:
        return self.done / max(time.monotonic() - self._start, 1e-9)

    @property
    def left(self) -> str:
        """The time left with its label, such as `12:03 left`; empty where there is none."""
        if self.total is None or not self.done or self.done >= self.total:
            return ""
        return f"{_clock_text((self.total - self.done) / self.rate)} left"


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class CountProgress:
    """Turns a count of frames into a progress display.

    It opens with the first frame, or at once where the total is known.
    """

    def __init__(self, stack: ExitStack, label: str, total: int | None = None) -> None:
        self._stack = stack
        self._label = label
        self._advance = None if total is None else stack.enter_context(progress(label, total))
        self._shown = 0
        self._note = ""

    def note(self, text: str) -> None:
        """Show a text beside the rate from now on, where a call has none of its own."""
        self._note = text

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        """Take (frames done, frames in all or None) and what to show beside the rate."""
        if self._advance is None:
            self._advance = self._stack.enter_context(progress(self._label, total))
        self._advance(done - self._shown, note or self._note, total=total)
        self._shown = done
