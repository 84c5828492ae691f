"""Changes of projects as events: in order, from a thread of its own.

Projects and the engine call back while they hold their locks; asking the engine for its stale
ranges there could wait for ever, so it is asked from here.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

from vos.app.server.events import EventHub
from vos.app.server.parts import Delta
from vos.app.server.sources.source import OpenSource, Source

_STALE_SHARE = 4
"""How much longer than asking for stale ranges the answer is used while changes wait."""


class ChangeFeed:
    """Publishes what changes in the sources that it watches."""

    def __init__(self, hub: EventHub) -> None:
        self._hub = hub
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._last_stale: dict[str, tuple[float, list[list[int]]]] = {}
        self._thread = Thread(target=self._run, name="changes", daemon=True)
        self._thread.start()

    def watch(self, source: Source, opened: OpenSource) -> None:
        """Publish the changes of a source that was opened."""
        opened.project.subscribe(lambda delta: self._put(partial(self._changed, source, delta)))
        opened.frames.on_index(lambda *_: self._put(partial(self._counted, source)))
        source.on_session.append(lambda: self._put(partial(self._started, source, opened)))

    def close(self) -> None:
        """Publish what waits, and end."""
        self._waiting.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while (call := self._waiting.get()) is not None:
            try:
                call()
            except Exception:  # what follows is published all the same
                traceback.print_exc()

    def _put(self, call: Callable[[], None]) -> None:
        self._waiting.put(call)

    def _changed(self, source: Source, delta: Delta) -> None:
        self._hub.publish("changed", {"source": source.id, **change(delta, self._stale(source))})

    def _counted(self, source: Source) -> None:
        if source.idle_seconds() is None:  # it was closed meanwhile
            return
        self._hub.publish("source", {"source": source.id, **source.index()})

    def _started(self, source: Source, opened: OpenSource) -> None:
        """Say what is stale, now that the engine can tell it."""
        project = opened.project
        delta = _NoChange(project.revision, {}, project.undo_label, project.redo_label)
        self._changed(source, delta)

    def _stale(self, source: Source) -> list[list[int]]:
        """Return the stale ranges; while many changes wait, those of a moment ago."""
        before = self._last_stale.get(source.id)
        if before is not None and not self._waiting.empty() and time.monotonic() < before[0]:
            return before[1]
        start = time.monotonic()
        stale = source.stale()
        now = time.monotonic()
        self._last_stale[source.id] = (now + _STALE_SHARE * (now - start), stale)
        return stale


@dataclass
class _NoChange:
    revision: int
    changed: dict[str, Any]
    undo: str | None
    redo: str | None


def change(delta: Delta, stale: list[list[int]]) -> dict[str, Any]:
    """Return a change as the page gets it, in an answer or an event."""
    return {
        "revision": delta.revision,
        "changed": delta.changed,
        "undo": delta.undo,
        "redo": delta.redo,
        "stale": stale,
    }
