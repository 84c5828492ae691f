"""Work in a thread of its own behind a bounded queue: reading ahead, and writing behind.

A bounded queue keeps a video out of memory: the faster side waits for the slower one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
_JOIN_SECONDS = 5.0  # a network read may hold the thread; it is not waited for longer
_PUT_SECONDS = 0.1  # how soon a thread that waits for room in the queue sees that it shall stop


@dataclass(frozen=True)
class _End:
    """The end of a queue's items."""

    error: BaseException | None = None
    """What ended them, None if they were all."""


class _NewestItems(queue.Queue[Any]):
    """A queue in which the newest item, with its seconds, replaces the one that waits.

    The first item stays until it is taken, and the end replaces nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_first_taken = False

    def _put(self, item: tuple[Any, float]) -> None:
        waiting = self.queue
        if len(waiting) > (0 if self._is_first_taken else 1) and not isinstance(item[0], _End):
            item = (item[0], item[1] + waiting.pop()[1])
        waiting.append(item)

    def _get(self) -> Any:
        self._is_first_taken = True
        return super()._get()


class ReadAhead(Generic[Item]):
    """The items of a generator in order, computed by a thread a few ahead of their use.

    Iterate once; close after use. An error of the generator comes out at its place among the
    items.

    Args:
        items: a generator; the thread closes it at its end.
        queue_size: items that may lie ready, at least 1.
        latest: never wait for room, but drop what lies ready for a newer item; the first one is
            never dropped.

    Attributes:
        seconds: what computing the items given so far took, in the thread.
        on_close: called before the end of the thread is waited for, so that it waits for nothing.
    """

    def __init__(self, items: Iterator[Item], queue_size: int, *, latest: bool = False) -> None:
        self.seconds = 0.0
        self.on_close: Callable[[], object] | None = None
        self._stop = threading.Event()
        self._ready: queue.Queue[tuple[Item | _End, float]] = (
            _NewestItems() if latest else queue.Queue(max(1, queue_size))
        )
        self._ended = False
        # The thread knows the queue and the event alone, so that a reader that is dropped is
        # collected, which stops the thread.
        self._thread = threading.Thread(
            target=_read_ahead, args=(items, self._ready, self._stop), daemon=True
        )
        self._thread.start()

    def __iter__(self) -> ReadAhead[Item]:
        return self

    def __next__(self) -> Item:
        if self._ended:
            raise StopIteration
        item, seconds = self._ready.get()
        self.seconds += seconds
        if not isinstance(item, _End):
            return item
        self.close()
        raise StopIteration if item.error is None else item.error

    def close(self) -> None:
        """Stop the thread; safe to call twice and before the end."""
        self._ended = True
        self._stop.set()
        if self.on_close is not None:
            self.on_close()
        if self._thread is not threading.current_thread():
            self._thread.join(_JOIN_SECONDS)

    def __del__(self) -> None:
        if stop := getattr(self, "_stop", None):
            stop.set()


def _read_ahead(
    items: Iterator[Item],
    ready: queue.Queue[tuple[Item | _End, float]],
    stop: threading.Event,
) -> None:
    """Put items with their seconds, then their end, until `stop` is set."""

    def put(item: Item | _End, seconds: float = 0.0) -> bool:
        while not stop.is_set():
            try:
                ready.put((item, seconds), timeout=_PUT_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    end = _End()
    start = time.perf_counter()
    try:
        for item in items:
            if not put(item, time.perf_counter() - start):
                break
            start = time.perf_counter()
    except BaseException as error:
        end = _End(error)
    finally:
        items.close()  # type: ignore[attr-defined]  # a generator: lets go of the file
    put(end)


class WriteBehind(Generic[Item]):
    """A thread that does something with items in order, while the next ones are computed.

    After the first error the items that wait, and all later ones, are dropped.

    Args:
        write: called with each item, in the thread.
        queue_size: items that may wait.
        finish: called in the thread after the last item, errors or not.

    Attributes:
        error: the first error of `write` or `finish`, None so far if there was none.
        seconds: what writing took so far, in the thread.
    """

    def __init__(
        self,
        write: Callable[[Item], object],
        queue_size: int,
        *,
        finish: Callable[[], object] | None = None,
    ) -> None:
        self.error: BaseException | None = None
        self.seconds = 0.0
        self._write = write
        self._finish = finish
        self._dropping = False
        self._waiting: queue.Queue[Any] = queue.Queue(queue_size)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over an item; wait while the queue is full."""
        self._waiting.put(item)

    def close(self, *, drop: bool = False) -> None:
        """Wait until everything is written; with `drop`, items that wait are left out.

        A KeyboardInterrupt in the wait is raised, and what waits then is dropped too.
        """
        self._dropping = drop
        try:
            self._waiting.put(_End())
            self._thread.join()
        except BaseException:
            self._dropping = True
            raise

    @property
    def all_written(self) -> bool:
        """Whether every item was written: no error, nothing dropped, and no thread that runs."""
        return self.error is None and not self._dropping and not self._thread.is_alive()

    def _work(self) -> None:
        while not isinstance(item := self._waiting.get(), _End):
            if self.error is None and not self._dropping:
                self._timed_write(item)
        try:
            if self._finish is not None:
                self._finish()
        except BaseException as error:
            self.error = self.error or error

    def _timed_write(self, item: Item) -> None:
        start = time.perf_counter()
        try:
            self._write(item)
        except BaseException as error:
            self.error = error
        self.seconds += time.perf_counter() - start
