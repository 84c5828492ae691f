"""The errors of the project that are the user's to mend."""

from __future__ import annotations

from typing import ClassVar


class InputError(ValueError):
    """What the user gave cannot be used; the message says what was expected and what to do.

    The command lines print the message alone, without a traceback, and exit with status 2.
    """

    exit_status: ClassVar[int] = 2


class IncompleteSourceError(InputError):
    """A source is cut short or damaged behind frames that are whole; results up to there stay."""

    exit_status: ClassVar[int] = 1
