"""A few decoders that threads take in turns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar


class Decoder(Protocol):
    """What is taken: it goes on from where it is, or begins anew."""

    def continues_to(self, place: int) -> bool:
        """Say whether going on leads to a frame."""
        ...

    def close(self) -> None:
        """Let go of the source."""
        ...


D = TypeVar("D", bound=Decoder)


class DecoderPool(Generic[D]):
    """Decoders of one source, each used by one thread at a time.

    Args:
        make: opens one.
        size: how many there may be.
    """

    def __init__(self, make: Callable[[], D], size: int) -> None:
        self._make = make
        self._size = size
        self._free: list[D] = []  # the one used last at the end
        self._count = 0
        self._is_closed = False
        self._changed = threading.Condition()

    @contextmanager
    def take(self, place: int, spread: bool = False) -> Iterator[D]:
        """Take the decoder that best leads to a frame; wait while all are in use.

        Args:
            place: of the frame.
            spread: rather open a decoder than begin anew with one that is open.
        """
        decoder = self._taken(place, spread)
        try:
            yield decoder
        finally:
            with self._changed:
                is_closed = self._is_closed
                if not is_closed:
                    self._free.append(decoder)
                self._changed.notify()
            if is_closed:
                decoder.close()

    def _taken(self, place: int, spread: bool) -> D:
        with self._changed:
            while True:
                fitting = [d for d in self._free if d.continues_to(place)]
                is_room = self._count < self._size
                if fitting or (self._free and not (spread and is_room)):
                    decoder = (fitting or self._free)[-1 if fitting else 0]
                    self._free.remove(decoder)
                    return decoder
                if is_room:
                    self._count += 1
                    break
                self._changed.wait()
        try:
            return self._make()
        except BaseException:
            with self._changed:
                self._count -= 1
                self._changed.notify()
            raise

    def drop(self) -> None:
        """Close the decoders that are not in use."""
        with self._changed:
            free, self._free = self._free, []
            self._count -= len(free)
            self._changed.notify_all()
        for decoder in free:
            decoder.close()

    def close(self) -> None:
        """Close the decoders; those in use are closed when they are given back."""
        with self._changed:
            self._is_closed = True
            free, self._free = self._free, []
        for decoder in free:
            decoder.close()
