"""What a job says of an error: one sentence, whatever was raised."""

from __future__ import annotations

import errno
import sys
import traceback
from contextlib import suppress

from vos.errors import InputError

_NO_MEMORY = (
    "The memory ran out. Close other programs, or open the video with a smaller --max-size; "
    "what was done before is kept."
)
_SIGNS = ("out of memory", "can't allocate memory", "not enough memory")


class JobCancelledError(Exception):
    """A job was asked to stop."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory left, of the processor or of a GPU."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(s in str(error).lower() for s in _SIGNS)


def failure_sentence(error: BaseException) -> str:
    """Return what to tell the user of an error; of the program's own faults, standard error has
    the trace too."""
    if isinstance(error, InputError):
        return str(error)
    if is_out_of_memory(error):
        return _NO_MEMORY
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return "The disk is full. Make room and start again; what was done before is kept."
        return f"A file could not be read or written: {error}. What was done before is kept."
    with suppress(OSError):  # where it goes may be full too
        traceback.print_exception(error, file=sys.stderr)
    return (
        f"The program failed ({type(error).__name__}: {error}). What was done before is kept; "
        "the terminal shows more."
    )
