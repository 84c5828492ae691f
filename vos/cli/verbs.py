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
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from vos._version import __version__
from vos.errors import InputError
from vos.runtime.signals import Terminated, catch_sigterm


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
    previous = catch_sigterm()
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
        return f"error: {error}", error.exit_status
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
