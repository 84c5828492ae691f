"""Messages of shared code that advise options which the verb at hand does not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vos.errors import InputError

SCORING_OPTIONS = "options of `vos evaluate`, which scores a folder of masks"


@contextmanager
def options_explained(where: str) -> Iterator[None]:
    """Say after a message that names options where these are to be found.

    Args:
        where: in words, such as `SCORING_OPTIONS`.

    Raises:
        InputError: the block's own, with the words after it.
    """
    try:
        yield
    except InputError as error:
        if "--" not in str(error):
            raise
        raise InputError(f"{error} ({where})") from None
