"""Frames that can be read in order alone: a reading kept open, begun anew where one lies behind."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from vos.errors import InputError

Items = Generator[tuple[int, Any], None, None]
"""Numbers and frames in order."""


class ForwardReader:
    """One reading of a source from its start on.

    Not for several threads at once. Close it after use.

    Args:
        begin: opens the source, and returns its frames.

    Attributes:
        after: the number after that of the last frame.
        is_ended: whether all frames have come.
    """

    def __init__(self, begin: Callable[[], Items]) -> None:
        self._begin = begin
        self._items: Items | None = None
        self.after = 0
        self.is_ended = False

    def continues_to(self, number: int) -> bool:
        """Say whether a frame is still to come."""
        return self._items is not None and self.after <= number

    def read(
        self,
        number: int,
        keep: Callable[[int, Any], None],
        goes_on: Callable[[], bool] = lambda: True,
    ) -> Any | None:
        """Read up to a frame.

        Args:
            number: of the frame.
            keep: called with number and frame of all that come on the way.
            goes_on: asked before each; the reading stays where it is if that says no.

        Returns:
            The frame; None if there is none of that number, or `goes_on` said no.

        Raises:
            InputError: the source cannot be read at or before the frame; `after` says where.
        """
        if self._items is None or self.after > number:
            self.close()
            self._items, self.after, self.is_ended = self._begin(), 0, False
        try:
            while self.after <= number:
                if not goes_on():
                    return None
                item = next(self._items, None)
                if item is None:
                    self._items, self.is_ended = None, True
                    return None
                self.after = item[0] + 1
                keep(*item)
                if item[0] == number:
                    return item[1]
        except InputError:
            self._items = None
            raise
        return None  # passed over, as it is damaged

    def close(self) -> None:
        """Let go of the source."""
        if self._items is not None:
            self._items.close()
        self._items = None
