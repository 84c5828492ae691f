"""One process at a time in an output folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from vos.errors import InputError

try:
    import fcntl
except ImportError:  # Windows, where a folder goes without a lock
    fcntl = None  # type: ignore[assignment]

LOCK = ".vos.lock"
_TRIES = 3
_PAUSE = 0.05
"""Seconds between tries: another process may be looking whether the lock is free."""


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder while the block runs.

    The lock is the kernel's, on a file in the folder that says who holds it, so a killed process
    leaves at most a file that stops nobody. The file is removed at the end. Where no lock can be
    had, as in a folder that cannot be written to or a file system without locks, there is none.

    Args:
        folder: it must be there.

    Raises:
        InputError: another process holds the lock.
    """
    path = folder / LOCK
    handle = _acquired(path)
    try:
        yield
    finally:
        if handle is not None:
            with suppress(OSError):
                path.unlink()  # before it is let go, so that nobody else's is removed
            os.close(handle)


@contextmanager
def working_folder(folder: Path) -> Iterator[None]:
    """Lock a folder as `locked_folder` does, and make it first where it lacks.

    Folders that were made for it and stay empty, as of a run that is refused, are removed.

    Raises:
        InputError: another process holds the lock.
        OSError: the folder cannot be made.
    """
    lacking = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked_folder(folder):
            yield
    finally:
        with suppress(OSError):  # one that is not empty stays, and those above it
            for path in lacking:
                path.rmdir()


def require_unlocked(folder: Path) -> None:
    """Say no to a folder that another process works in, and leave it as it is.

    Raises:
        InputError: another process holds the lock.
    """
    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return
    try:
        if _is_held(handle):
            raise InputError(_held_by(path))
    finally:
        os.close(handle)


def _acquired(path: Path) -> int | None:
    """Return the open file that carries the lock, None where there can be no lock."""
    for left in reversed(range(_TRIES)):
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:
            return None
        if _is_held(handle):
            os.close(handle)
            if not left:
                break
            time.sleep(_PAUSE)
        elif _is_at(handle, path):
            _write_holder(handle)
            return handle
        else:  # its holder removed it between the two calls
            os.close(handle)
    raise InputError(_held_by(path))


def _is_held(handle: int) -> bool:
    """Try to lock an open file; a file system that has no locks counts as free."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _write_holder(handle: int) -> None:
    holder = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": datetime.now().astimezone().isoformat(" ", "seconds"),
    }
    with suppress(OSError):  # a full disk: the lock counts all the same
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(holder).encode())


def _held_by(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        who = f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return (
        f"the output folder {path.parent} is in use by {who}; wait for its end or stop it, or give "
        "another folder"
    )
