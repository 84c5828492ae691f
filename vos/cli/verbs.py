"""What every command line of the project shares: verbs, exit status, signals, progress.

A verb is a dataclass whose fields are its options (their docstrings are the help text) with a
method `run() -> int`. Exit status: 0 done, 1 a failure, 2 usage or input that cannot be used,
130 stopped by Ctrl-C, 141 nobody reads the output any more, 143 stopped by SIGTERM.
"""

from __future__ import annotations

import codecs
import dataclasses
import importlib
import io
import os
import signal
import sys
import typing
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from vos._version import __version__
from vos.errors import InputError
from vos.runtime.signals import Terminated, catch_sigterm

_ANY_NAME = "vos.any-name"


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

    def load_for(self, arguments: Sequence[str]) -> type[Runnable]:
        """Return the dataclass as a command line with these arguments wants it."""
        return self.load()


@dataclass(frozen=True)
class PresetVerb(Verb):
    """A verb whose defaults are those of the preset that its command line names (`--preset`)."""

    presets: str
    """Where the function is that gives a preset's values by field, as `package.module:name`."""

    def load_for(self, arguments: Sequence[str]) -> type[Runnable]:
        """Return the dataclass with the preset's values as defaults.

        Raises:
            InputError: there is no such preset, or it is not for this verb.
        """
        loaded = self.load()
        name = preset_in(arguments)
        if not name:
            return loaded
        module, _, attribute = self.presets.partition(":")
        values = getattr(importlib.import_module(module), attribute)(name)
        hints = typing.get_type_hints(loaded, include_extras=True)
        fields = [(field, hints[field], value) for field, value in values.items()]
        with_preset = dataclasses.make_dataclass(
            loaded.__name__, fields, bases=(loaded,), frozen=True
        )
        with_preset.__doc__ = loaded.__doc__
        return typing.cast("type[Runnable]", with_preset)


def preset_in(arguments: Sequence[str]) -> str:
    """Return the value of `--preset` in a command line, or an empty string."""
    for number, argument in enumerate(arguments):
        if argument.startswith("--preset="):
            return argument.removeprefix("--preset=")
        if argument == "--preset" and number + 1 < len(arguments):
            return arguments[number + 1]
    return ""


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
    _print_any_name()
    try:
        status = _run_named(prog, description, verbs, arguments)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, as at the interpreter's end a failure is a traceback
        return status
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        _discard_output()
        return 141


def _print_any_name() -> None:
    """Let names of files that are not text in the terminal's encoding be printed."""
    codecs.register_error(_ANY_NAME, _as_bytes)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ANY_NAME)


def _as_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode a name's undecodable bytes as they are on the disk, anything else as an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    encoded = [
        bytes([ord(letter) - 0xDC00])
        if "\udc80" <= letter <= "\udcff"
        else letter.encode("ascii", "backslashreplace")
        for letter in letters
    ]
    return b"".join(encoded), error.end


def _discard_output() -> None:
    """Send what is still to be written nowhere, so that the interpreter's end writes nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError):  # closed, or no file
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _run_named(prog: str, description: str, verbs: Sequence[Verb], arguments: Sequence[str]) -> int:
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
            return parse(prog, verb.load_for(arguments), arguments).run()
    except SystemExit as stop:  # the parser's own way to end after --help or a usage error
        return stop.code if isinstance(stop.code, int) else 1
    except BrokenPipeError:
        raise
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
        return f"stopped by SIGTERM{_then(error)}", 143
    if isinstance(error, KeyboardInterrupt):
        return f"stopped by Ctrl-C{_then(error)}", 130
    if isinstance(error, RuntimeError) and "out of memory" in str(error).lower():
        return (
            "failed: the device is out of memory; use smaller images, a smaller batch or network, "
            "or --device cpu",
            1,
        )
    if isinstance(error, OSError | MemoryError):
        return f"failed: {str(error) or type(error).__name__}", 1
    return None


def _then(stop: KeyboardInterrupt) -> str:
    """Return what the verb says of what is left and how to go on, if it says so."""
    return f"; {stop}" if str(stop) else ""


@contextmanager
def _plain_warnings(prog: str) -> Iterator[None]:
    """Print warnings as a sentence, without the place in the code."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        print(f"{prog}: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def parse_command(prog: str, verbs: Sequence[Verb], words: Sequence[str]) -> tuple[str, Runnable]:
    """Return a verb's name, and the verb with the values of a command line that begins with it.

    Raises:
        InputError: there is no such verb, or its own dataclasses refuse a value.
        SystemExit: after --help, or where the options are not the verb's; both are printed.
    """
    by_name = {verb.name: verb for verb in verbs}
    if not words or words[0] not in by_name:
        given = f"no verb {words[0]!r}" if words else "no command"
        raise InputError(f"{given}; after -- expected {prog} and one of: {', '.join(by_name)}")
    name, arguments = words[0], words[1:]
    return name, parse(f"{prog} {name}", by_name[name].load_for(arguments), arguments)


def parse(prog: str, verb: type[Runnable], arguments: Sequence[str]) -> Runnable:
    """Return the verb with the values of a command line.

    Raises:
        InputError: a value that the verb's own dataclasses refuse.
        SystemExit: after --help, or where the options are not the verb's; both are printed.
    """
    import tyro

    return tyro.cli(
        verb,
        prog=prog,
        args=list(arguments),
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
    )
