"""The frames of a camera or stream, as they come, over more than one connection where one ends."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import av

from vos.video.numbering import FrameNumbers

_FIRST_DELAY = 1.0  # seconds before the first attempt; each further one waits twice as long
_LONGEST_DELAY = 15.0
_COMPARED_PACKETS = 2000  # at the start of a connection, to tell a recording from what is live


@dataclass
class _Connection:
    """What one connection gave so far."""

    digests: list[bytes] = field(default_factory=list)
    """Of its first packets."""
    frames: int = 0
    repeats: bool = True
    """Whether all of it is what the connection before gave from its start on."""

    def add(self, packet: Any, before: _Connection) -> None:
        """Take note of a packet."""
        place = len(self.digests)
        if not packet.size or place >= _COMPARED_PACKETS:
            return
        self.digests.append(blake2b(memoryview(packet), digest_size=8).digest())
        # The last packet before a connection broke off may have been cut.
        known = before.digests[place] if place < len(before.digests) - 1 else None
        self.repeats &= known in (None, self.digests[-1]) and len(before.digests) > 1


class LiveFrames:
    """The frames of a live source; a connection that ends or fails is made again.

    A server that plays a recording to each client starts it again: the frames that were given
    before are left out then.

    Args:
        name: what the user gave.
        container: the open connection.
        stream: the stream of its pictures.
        connect: opens another connection, and returns the same two; None if it cannot be.
        attempts: how often in a row that is tried.
        stopped: ends the wait before an attempt when it is set.

    Attributes:
        container: the connection that is open now.
    """

    def __init__(
        self,
        name: str,
        container: Any,
        stream: Any,
        *,
        connect: Callable[[], tuple[Any, Any]] | None,
        attempts: int,
        stopped: threading.Event | None = None,
    ) -> None:
        self.container = container
        self._name = name
        self._stream = stream
        self._connect = connect
        self._attempts = attempts
        self._stopped = stopped or threading.Event()
        self._given = 0
        self._failures = 0  # attempts since the last new frame
        self._start: float | None = None  # the clock's time at the first frame
        self._latest = 0.0  # seconds of the last frame

    def __iter__(self) -> Iterator[tuple[int, float | None, Any]]:
        """Yield (index, seconds since the first frame or None, frame) until the source ends."""
        before = _Connection()
        while True:
            connection = _Connection()
            why = ""
            first = self._given
            try:
                yield from self._frames(connection, before)
            except av.EOFError:
                pass
            except av.FFmpegError as error:
                why = str(error)
            if (self.container.size or 0) > 0 and not why:
                return  # a file on a server, and this its end
            if connection.repeats and before.frames and first == self._given:
                text = f"{self._name}: ended after {first} frames, which each connection gives anew"
                warnings.warn(text, stacklevel=2)
                return
            if connection.frames >= before.frames:
                before = connection
            if not self._is_connected_again(why):
                return

    def _frames(
        self, connection: _Connection, before: _Connection
    ) -> Iterator[tuple[int, float | None, Any]]:
        """Yield the new frames of one connection.

        Raises:
            av.FFmpegError: it broke off.
        """
        numbers = FrameNumbers(one_frame_a_packet=False)
        self._stream.thread_type = "SLICE"  # threads by frame hold back as many frames
        base = self._stream.time_base
        offset: float | None = None
        for frame in self._decoded(connection, before):
            seconds = numbers.seconds(frame, base)
            connection.frames += 1
            if connection.repeats and connection.frames <= before.frames:
                continue
            now = time.monotonic()
            self._start = now if self._start is None else self._start
            if offset is None:  # a new connection's times start anew
                elapsed = max(now - self._start, self._latest)
                offset = elapsed - (seconds or 0.0) if self._given else 0.0
            if seconds is not None:
                self._latest = seconds = seconds + offset
            self._given += 1
            self._failures = 0
            yield self._given - 1, seconds, frame

    def _decoded(self, connection: _Connection, before: _Connection) -> Iterator[Any]:
        try:
            for packet in self.container.demux(self._stream):
                connection.add(packet, before)
                try:
                    yield from packet.decode()
                except av.InvalidDataError:
                    continue  # lost packets are passed over
        except av.EOFError:
            raise
        except av.FFmpegError:
            yield from buffered_frames(self._stream)
            raise

    def _is_connected_again(self, why: str) -> bool:
        """Make another connection, and say so; or say that it is the end."""
        ended = f"{self._name}: ended after {self._given} frames ({why or 'no more came'})"
        if self._connect is None or not self._attempts:
            if why:
                warnings.warn(ended, stacklevel=2)
            return False
        while self._failures < self._attempts:
            delay = min(_FIRST_DELAY * 2**self._failures, _LONGEST_DELAY)
            self._failures += 1
            again = f"connecting again in {delay:g} s ({self._failures} of {self._attempts})"
            warnings.warn(f"{ended}; {again}", stacklevel=2)
            if self._stopped.wait(delay):
                return False
            self.container.close()
            try:
                self.container, self._stream = self._connect()
                return True
            except (av.FFmpegError, ValueError) as error:
                ended = f"{self._name}: cannot be reached ({getattr(error, 'strerror', error)})"
        text = f"{self._name}: ended after {self._given} frames; connecting again gave no new one"
        warnings.warn(f"{text} (attempts: {self._attempts})", stacklevel=2)
        return False


def buffered_frames(stream: Any) -> list[Any]:
    """Return the whole frames that a stream's decoder still holds after an error."""
    try:
        return [frame for frame in stream.codec_context.decode(None) if not frame.is_corrupt]
    except av.FFmpegError:
        return []
