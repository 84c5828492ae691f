"""The one error of the project that is the user's to mend."""

from __future__ import annotations


class InputError(ValueError):
    """What the user gave cannot be used; the message says what was expected and what to do.

    The command lines print the message alone, without a traceback, and exit with status 2.
    """
