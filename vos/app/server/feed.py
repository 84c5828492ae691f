"""Changes of projects as events: in order, from a thread of its own.

Projects and the engine call back while they hold their locks; asking the engine for its stale
ranges there could wait for ever, so it is asked from here.
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from typing import Any

from vos.app.server.events import EventHub
from vos.app.server.parts import Delta
from vos.app.server.sources.source import OpenSource, Source


class ChangeFeed:
    """Publishes what changes in the sources that it watches."""

    def __init__(self, hub: EventHub) -> None:
        self._hub = hub
        self._waiting: SimpleQueue[tuple[Source, Delta | None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="changes", daemon=True)
        self._thread.start()

    def watch(self, source: Source, opened: OpenSource) -> None:
        """Publish the changes of a source that was opened."""
        opened.project.subscribe(lambda delta: self._waiting.put((source, delta)))
        opened.frames.on_index(lambda *_: self._waiting.put((source, None)))

    def close(self) -> None:
        """Publish what waits, and end."""
        self._waiting.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while (entry := self._waiting.get()) is not None:
            source, delta = entry
            if delta is None:
                self._hub.publish("source", {"source": source.id, **source.index()})
            else:
                self._hub.publish("changed", {"source": source.id, **change(source, delta)})


def change(source: Source, delta: Delta) -> dict[str, Any]:
    """Return a change as the page gets it, in an answer or an event."""
    return {
        "revision": delta.revision,
        "changed": delta.changed,
        "undo": delta.undo,
        "redo": delta.redo,
        "stale": source.stale(),
    }
