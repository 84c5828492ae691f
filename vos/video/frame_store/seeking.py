"""A video's decoder that is kept open, and moves to frames by way of the entries before them.

What comes out is checked against the index by its time stamp.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NoReturn

import av

from vos.video.completeness import CUT_PACKET, is_incomplete
from vos.video.decoding import Video
from vos.video.frame_store.index import Fault, FrameIndex

_ATTEMPTS = ((0, False), (1, False), (1, True))  # entries earlier, and by one thread alone
_NEAR = 8  # frames; no entry is sought to pass so few
_SKIPPING = {"h264", "hevc"}  # frames that no other builds on can be passed without decoding


class UnexpectedFrameError(Exception):
    """Other frames came than the index says."""


class DamagedFrameError(Exception):
    """A frame cannot be decoded, from wherever decoding begins."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


class SeekingDecoder:
    """Decodes frames by their position in an index.

    Not for several threads at once. Close it after use.

    Args:
        video: the file, opened for this alone; it is closed with it.
        index: of its frames, trusted.
        check_open: called at each packet; what it raises ends the decoding.
    """

    def __init__(self, video: Video, index: FrameIndex, check_open: Callable[[], None]) -> None:
        self._video = video
        self._index = index
        self._check_open = check_open
        self._container, self._stream = video.rewind()
        self._is_serial = False
        self._packets: Iterator[Any] = iter(())
        self._frames: deque[Any] = deque()
        self._next: int | None = None  # position of the frame that has to come next
        self._entry_stamp = 0
        self._passed: set[int] = set()  # positions that may stay out, as they were passed
        self._fault = ""

    def continues_to(self, position: int) -> bool:
        """Say whether going on is the shortest way to a frame."""
        if self._next is None or self._next > position or self._is_serial:
            return False
        if position - self._next < _NEAR:
            return True
        index = self._index
        return index.position_after(index.entry_before(position)) <= self._next

    def read(self, position: int, first: int, keep: Callable[[int, Any], None]) -> None:
        """Decode up to a frame.

        Args:
            position: of the frame.
            first: position of the first frame to hand on, not after that.
            keep: called with position and frame, as decoded, of those that come on the way.

        Raises:
            DamagedFrameError: the frame, or one on the way to it, is damaged.
            UnexpectedFrameError: the frames are not those of the index.
        """
        entry = self._index.entry_before(position)
        error: Exception = UnexpectedFrameError("no frame to begin with")
        for earlier, serial in _ATTEMPTS if entry > 0 else ((0, False), (0, True)):
            if entry < 0:
                break
            try:
                if earlier or serial or not self.continues_to(position):
                    self._start(entry - earlier, serial)
                self._run(position, first, keep, skips=not earlier and not serial)
                return
            except (UnexpectedFrameError, DamagedFrameError) as raised:
                error, self._next = raised, None
            except BaseException:
                self._next = None
                raise
        raise error

    def close(self) -> None:
        """Close the file."""
        self._next = None
        self._frames.clear()
        self._video.close()

    def _rewind(self, serial: bool) -> None:
        self._container, self._stream = self._video.rewind()
        if serial:
            self._stream.thread_type = "NONE"
        self._is_serial = serial

    def _start(self, entry: int, serial: bool) -> None:
        """Begin to decode at an entry.

        Raises:
            UnexpectedFrameError: its packet does not come.
        """
        if serial or self._is_serial:
            self._rewind(serial)
        index = self._index
        stamp, time = int(index.entry_stamps[entry]), int(index.entry_times[entry])
        self._frames.clear()
        self._passed.clear()
        self._fault = ""
        for target in (stamp, time, None):
            if target is None:
                self._rewind(serial)
            packets = self._packets_from(target)
            first = self._entry_packet(packets, stamp, time)
            if first is not None:
                self._packets = chain((first,), packets)
                self._entry_stamp = stamp
                self._next = index.position_after(entry)
                return
        raise UnexpectedFrameError("a key frame is not where it was")

    def _packets_from(self, target: int | None) -> Iterator[Any]:
        try:
            if target is not None:
                self._container.seek(target, stream=self._stream)
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            return  # the end, or a container in which FFmpeg cannot seek

    def _entry_packet(self, packets: Iterator[Any], stamp: int, time: int) -> Any:
        """Return the packet of an entry; None if it lies before the packets."""
        for packet in packets:
            self._check_open()
            if packet.is_keyframe and packet.pts == stamp and packet.size:
                return packet
            if packet.dts is not None and packet.dts > time:
                return None
        return None

    def _run(
        self, position: int, first: int, keep: Callable[[int, Any], None], *, skips: bool
    ) -> None:
        index = self._index
        skips = skips and self._stream.codec_context.name in _SKIPPING
        skip_before = int(index.stamps[first]) if skips else None
        while self._next is not None and self._next <= position:
            frame = self._frame(skip_before)
            if frame.pts is not None and frame.pts < self._entry_stamp:
                continue  # it builds on frames before the entry
            place = index.position_of(frame.pts)
            if place is None or place < self._next:
                raise UnexpectedFrameError(f"a frame at {frame.pts}")
            if not self._passed.issuperset(range(self._next, place)):
                self._is_missing()
            if frame.is_corrupt:
                self._fault = self._fault or "a frame is corrupt"
                self._is_missing()
            self._passed.difference_update(range(self._next, place + 1))
            self._fault = ""
            self._next = place + 1
            if place >= first:
                keep(place, frame)

    def _frame(self, skip_before: int | None) -> Any:
        """Return the next frame that comes out of the decoder."""
        while not self._frames:
            self._check_open()
            packet = next(self._packets, None)
            if packet is None:
                self._is_missing()
            self._set_skipping(packet, skip_before)
            if is_incomplete(packet):
                self._note_fault(CUT_PACKET)
                continue
            try:
                self._frames.extend(packet.decode())
            except av.EOFError:
                self._is_missing()
            except av.FFmpegError as error:
                self._note_fault(str(error.strerror))
        return self._frames.popleft()

    def _set_skipping(self, packet: Any, before: int | None) -> None:
        skips = before is not None and packet.pts is not None and packet.pts < before
        context = self._stream.codec_context
        wanted = "NONREF" if skips else "DEFAULT"
        if context.skip_frame != wanted:
            context.skip_frame = wanted
        if skips and (place := self._index.position_of(packet.pts)) is not None:
            self._passed.add(place)

    def _note_fault(self, why: str) -> None:
        """Take note of a packet that cannot be decoded.

        Raises:
            UnexpectedFrameError: several threads decode, so it is not sure whose fault it is.
        """
        if not self._is_serial:
            raise UnexpectedFrameError(why)
        self._fault = self._fault or why

    def _is_missing(self) -> NoReturn:
        """Raise the error for the next frame, which did not come."""
        if self._fault and self._is_serial and self._next is not None:
            raise DamagedFrameError(Fault(self._index.number(self._next), self._fault))
        raise UnexpectedFrameError(self._fault or "a frame did not come")
