"""Server-sent events: progress and changes to every open page, from any thread.

A page that reads slowly, or not at all, costs a bounded queue: when it is full, its events are
dropped for one that tells the page to get the whole state again.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from threading import Lock
from typing import Any

from vos.app.server.answers import ConflictError

HEARTBEAT_SECONDS = 15.0
WAITING_EVENTS = 256
"""Events that wait for one page at most."""
CLIENTS = 32
_RESYNC = b"event: resync\ndata: {}\n\n"


class _Client:
    """The events that wait for one page."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.arrived = asyncio.Event()
        self.waiting: deque[bytes] = deque()


class EventHub:
    """Takes events from any thread and gives each client all of them, in order."""

    def __init__(self, heartbeat: float = HEARTBEAT_SECONDS, waiting: int = WAITING_EVENTS) -> None:
        self._heartbeat, self._limit = heartbeat, waiting
        self._clients: set[_Client] = set()
        self._lock = Lock()
        self._closed = False

    @property
    def clients(self) -> int:
        """How many pages listen."""
        return len(self._clients)

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Send an event to every client; never waits."""
        message = f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()
        with self._lock:
            for client in list(self._clients):
                if len(client.waiting) >= self._limit:
                    client.waiting.clear()
                    client.waiting.append(_RESYNC)
                elif client.waiting != deque([_RESYNC]):  # the state that is then got has it all
                    client.waiting.append(message)
                self._wake(client)

    def close(self) -> None:
        """End the streams of all clients."""
        with self._lock:
            self._closed = True
            for client in list(self._clients):
                self._wake(client)

    def connect(self) -> AsyncIterator[bytes]:
        """Return the stream of a new client.

        Raises:
            ConflictError: there are too many already.
        """
        if len(self._clients) >= CLIENTS:
            raise ConflictError(f"{CLIENTS} pages are open already; close some")
        return self._stream()

    async def _stream(self) -> AsyncIterator[bytes]:
        client = _Client()
        with self._lock:
            self._clients.add(client)
        try:
            yield b": connected\n\n"
            while not self._closed:
                try:
                    await asyncio.wait_for(client.arrived.wait(), self._heartbeat)
                except asyncio.TimeoutError:
                    yield b": still here\n\n"
                    continue
                client.arrived.clear()
                with self._lock:
                    messages = list(client.waiting)
                    client.waiting.clear()
                for message in messages:
                    yield message
                if _RESYNC in messages:  # a page that does not know the event connects again
                    return
        finally:
            with self._lock:
                self._clients.discard(client)

    def _wake(self, client: _Client) -> None:
        try:
            client.loop.call_soon_threadsafe(client.arrived.set)
        except RuntimeError:  # its loop has ended
            self._clients.discard(client)
