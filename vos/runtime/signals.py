"""What every command line of the project shares: verbs, exit status, signals, progress.

A verb is a dataclass whose fields are its options (their docstrings are the help text) with a
method `run() -> int`. Exit status: 0 done, 1 a failure, 2 usage or input that cannot be used,
130 stopped by Ctrl-C, 141 nobody reads the output any more, 143 stopped by SIGTERM.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

from vos._version import __version__
from vos.errors import InputError

_PLAIN_INTERVAL = 5.0  # seconds between progress lines when the output is not a terminal


class Runnable(Protocol):
    """A parsed verb."""

    def run(self) -> int:
        """Do the work and return the exit status."""
        ...


@dataclass(frozen=True)
class Verb:
    """One verb of a command line, imported only when it is asked for."""

    name: str
    summary: str
    target: str
    """Where the verb's dataclass is, as `package.module:Class`."""

    def load(self) -> type[Runnable]:
        """Import the module and return the dataclass."""
        module, _, attribute = self.target.partition(":")
        loaded: type[Runnable] = getattr(importlib.import_module(module), attribute)
        return loaded


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; handled as Ctrl-C is, with its own exit status."""


class Advance(Protocol):
    """Report that `n` more units are done.

    `note` is shown beside the rate; `total` replaces the total where it is known only now.
    """

    def __call__(self, n: int = 1, note: str = "", total: int | None = None) -> None:
        """Advance the progress display."""
        ...


def run_verbs(
    prog: str, description: str, verbs: Sequence[Verb], argv: Sequence[str] | None = None
) -> int:
    """Parse a command line, run its verb and return the exit status.

    Args:
        prog: the program's name, as the user types it.
        description: one sentence shown above the list of verbs.
        verbs: the verbs, in the order in which the help lists them.
        argv: arguments without the program's name; None takes those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    by_name = {verb.name: verb for verb in verbs}
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(_overview(prog, description, verbs))
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"{prog} {__version__}")
        return 0
    name = arguments[0]
    if name not in by_name:
        known = ", ".join(by_name)
        print(f"{prog}: no verb {name!r}; the verbs are: {known}", file=sys.stderr)
        return 2
    return _run_guarded(f"{prog} {name}", by_name[name], arguments[1:])


def _overview(prog: str, description: str, verbs: Sequence[Verb]) -> str:
    width = max(len(verb.name) for verb in verbs)
    lines = [f"usage: {prog} VERB [options]", "", description, "", "verbs:"]
    lines += [f"  {verb.name:<{width}}  {verb.summary}" for verb in verbs]
    lines += ["", f"`{prog} VERB --help` lists a verb's options.  `{prog} --version` says which."]
    return "\n".join(lines)


def _run_guarded(prog: str, verb: Verb, arguments: Sequence[str]) -> int:
    previous = _catch_sigterm()
    try:
        with _plain_warnings(prog):
            return _parse(prog, verb.load(), arguments).run()
    except SystemExit as stop:  # the parser's own way to end after --help or a usage error
        return stop.code if isinstance(stop.code, int) else 1
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except BaseException as error:
        known = _failure(error)
        if known is None:
            raise
        text, status = known
        print(f"{prog}: {text}", file=sys.stderr)
        return status
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _failure(error: BaseException) -> tuple[str, int] | None:
    """Say an error in a sentence, with its exit status; None for what can only be a bug."""
    if isinstance(error, InputError):
        return f"error: {error}", 2
    if isinstance(error, Terminated):
        return "stopped by SIGTERM", 143
    if isinstance(error, KeyboardInterrupt):
        return "stopped by Ctrl-C", 130
    if isinstance(error, RuntimeError) and "out of memory" in str(error).lower():
        return (
            "failed: the device is out of memory; use smaller images, a smaller batch or network, "
            "or --device cpu",
            1,
        )
    if isinstance(error, OSError | MemoryError):
        return f"failed: {str(error) or type(error).__name__}", 1
    return None


@contextmanager
def _plain_warnings(prog: str) -> Iterator[None]:
    """Print warnings as a sentence, without the place in the code."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        print(f"{prog}: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _parse(prog: str, verb: type[Runnable], arguments: Sequence[str]) -> Runnable:
    import tyro

    return tyro.cli(
        verb,
        prog=prog,
        args=list(arguments),
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
    )


def _catch_sigterm() -> Any:
    def handler(_signum: int, _frame: FrameType | None) -> None:
        raise Terminated

    try:
        return signal.signal(signal.SIGTERM, handler)
    except ValueError:  # not in the main thread: the caller's program owns the signals
        return None


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
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    clock = _Clock(total)
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bars:
        task = bars.add_task(label, total=total, rate="", note="")

        def advance(n: int = 1, note: str = "", total: int | None = None) -> None:
            clock.add(n, total)
            rate = f"{clock.rate:.2f} {unit}/s"
            bars.update(task, advance=n, total=clock.total, rate=rate, note=note, refresh=True)

        yield advance


@contextmanager
def _lines(label: str, total: int | None, unit: str) -> Iterator[Advance]:
    clock = _Clock(total)
    last = time.monotonic()

    def write(note: str) -> None:
        of = "" if clock.total is None else f"/{clock.total}"
        text = f"{label}: {clock.done}{of} {unit}, {clock.rate:.2f} {unit}/s"
        left = clock.seconds_left
        if left is not None:
            text += f", {_clock_text(left)} left"
        print(text + (f", {note}" if note else ""), file=sys.stderr, flush=True)

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
    def seconds_left(self) -> float | None:
        if self.total is None or not self.done or self.done >= self.total:
            return None
        return (self.total - self.done) / self.rate


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
