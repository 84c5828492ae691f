"""Which frame of a video file has which time stamp and number, by its packets alone.

Nothing is decoded. Letters: F frames, E entries, packets at which decoding may begin.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vos.video.completeness import early_end, is_incomplete
from vos.video.decoding import Video
from vos.video.frame_store.entries import EntryCheck
from vos.video.numbering import FrameNumbers, Packets
from vos.video.sources.opening import opening_options

_LEAST_STEP = 0.75  # of the median interval; where fields have packets, some are half of it
_ENTROPY_CHAINS = {"ffv1", "vp8", "vp9"}  # frames after a lost one are left out up to a key frame


@dataclass(frozen=True)
class Fault:
    """From which frame on a source cannot be read, and why."""

    number: int
    reason: str


@dataclass
class FrameIndex:
    """The frames that the packets of a file stand for, in the order in which they are shown."""

    stamps: NDArray[np.int64]
    """(F,) rising; of the frames before the file's early end, where it has one."""
    numbers: NDArray[np.int64] | None
    """(F,) number of each frame; None where that is its position."""
    entry_stamps: NDArray[np.int64]
    """(E,) rising."""
    entry_times: NDArray[np.int64]
    """(E,) when each is decoded, in the order of the file."""
    packets: Packets | None
    """For `Video.packets`; None where that has to be None."""
    fault: Fault | None
    is_trusted: bool
    """Whether frames can be numbered by their time stamps."""
    is_proven: bool
    """Whether every packet is one frame in this kind of file; else the first frames must show it"""
    base: Any = None
    """Seconds of a unit of the time stamps."""

    @property
    def count(self) -> int:
        """The number after the last frame's."""
        return self.number(len(self.stamps) - 1) + 1 if len(self.stamps) else 0

    def number(self, position: int) -> int:
        """Return the number of the frame at a position."""
        return position if self.numbers is None else int(self.numbers[position])

    def position(self, number: int) -> int | None:
        """Return the position of the frame of that number, None where it is missing."""
        if self.numbers is None:
            return number if 0 <= number < len(self.stamps) else None
        place = int(np.searchsorted(self.numbers, number))
        is_there = place < len(self.numbers) and self.numbers[place] == number
        return place if is_there else None

    def position_of(self, stamp: int | None) -> int | None:
        """Return the position of the frame with that time stamp, None if there is none."""
        if stamp is None:
            return None
        place = int(np.searchsorted(self.stamps, stamp))
        return place if place < len(self.stamps) and self.stamps[place] == stamp else None

    def entry_before(self, position: int) -> int:
        """Return the last entry that is not after a frame; -1 if there is none."""
        return int(np.searchsorted(self.entry_stamps, self.stamps[position], side="right")) - 1

    def position_after(self, entry: int) -> int:
        """Return the position of the first frame that is not before an entry."""
        return int(np.searchsorted(self.stamps, self.entry_stamps[entry]))

    def seconds(self, position: int) -> float:
        """Return the time of a frame since the first one."""
        return float((int(self.stamps[position]) - int(self.stamps[0])) * self.base)


class _Notes:
    """What is noted of the packets on the way through a file."""

    def __init__(self, stream: Any, goes_on: Callable[[], bool]) -> None:
        self.stamps = array("q")
        self.entries = array("q")  # pairs of a time stamp and when it is decoded
        self.is_plain = True  # nothing speaks against numbers by time stamps
        self.incomplete: list[int] = []
        self.last: Any = None
        self.numbers: FrameNumbers | None = None
        self._is_entry = EntryCheck(stream)
        self._doubts_empty = stream.codec_context.name == "mpeg4"
        self._goes_on = goes_on
        self._time: int | None = None

    def packet(self, packet: Any, numbers: FrameNumbers, counts: bool) -> None:
        """Take note of a packet."""
        if not self._goes_on():
            raise InterruptedError
        self.numbers = numbers
        if not packet.size:
            return
        self.last = packet
        if packet.dts is not None:
            self.is_plain &= self._time is None or packet.dts >= self._time
            self._time = packet.dts
        stamp = packet.pts if packet.pts is not None else packet.dts
        is_first = numbers.started and not self.entries
        if (is_first and packet.is_keyframe and packet.pts is not None) or self._is_entry(packet):
            self.entries.extend((stamp, stamp if packet.dts is None else packet.dts))
        if self._doubts_empty and not counts and numbers.started and not packet.is_discard:
            self.is_plain = False  # one so small may show a frame or not
        if counts:
            self.is_plain &= packet.pts is not None
            self.stamps.append(stamp)
            if is_incomplete(packet):
                self.incomplete.append(stamp)


def build_index(video: Video, goes_on: Callable[[], bool]) -> FrameIndex:
    """Read through a video file.

    Args:
        video: the file, opened without walking it; it is not touched.
        goes_on: asked at each packet.

    Raises:
        av.FFmpegError: it cannot be opened.
        InterruptedError: `goes_on` said no.
    """
    with av.open(**opening_options(video.name)) as container:
        stream = container.streams[video.place]
        notes = _Notes(stream, goes_on)
        packets, limit = None, None
        try:
            packets = Packets.walk(container, stream, video.missing_packets(), notes.packet)
            why = ""
        except av.FFmpegError as error:
            why = str(error.strerror)
        is_read = packets is not None
        if not video.is_walked:
            packets = None
        numbers = notes.numbers
        if is_read and numbers is not None:
            numbers.gaps = packets.gaps if packets else {}
            why, limit = early_end(video.name, container, stream, numbers, notes.last)
        notes.is_plain &= is_read
        return _index(video, stream, notes, packets, (why, limit))


def _index(
    video: Video,
    stream: Any,
    notes: _Notes,
    packets: Packets | None,
    end: tuple[str, int | None],
) -> FrameIndex:
    """Make the index of what was noted; `end` as `early_end` returns it."""
    stamps = np.sort(np.frombuffer(notes.stamps, np.int64)) if notes.stamps else np.zeros(0, int)
    steps = np.diff(stamps)
    is_proven = notes.numbers is not None and notes.numbers.one_frame_a_packet
    is_steady = is_proven or not len(steps) or steps.min() >= _LEAST_STEP * np.median(steps)
    trusted = bool(len(stamps) and notes.is_plain and is_steady and (steps > 0).all())
    gaps = packets.gaps if packets else {}
    numbers = np.arange(len(stamps)) if gaps else None
    for stamp, lost in gaps.items():
        assert numbers is not None
        numbers[np.searchsorted(stamps, stamp) :] += lost
    skips = video.reading.skip_damaged
    if skips and (gaps or notes.incomplete):
        trusted &= stream.codec_context.name not in _ENTROPY_CHAINS
    if skips:  # else frames behind a damage are numbered by their durations
        trusted &= is_proven
    whole = len(stamps) if end[1] is None else int(np.searchsorted(stamps, end[1]))
    entries = np.array(notes.entries, np.int64).reshape(-1, 2)
    entries = entries[np.argsort(entries[:, 0], kind="stable")]
    index = FrameIndex(
        stamps[:whole],
        numbers if numbers is None else numbers[:whole],
        np.ascontiguousarray(entries[:, 0]),
        np.ascontiguousarray(entries[:, 1]),
        packets,
        None,
        trusted and len(entries) > 0,
        is_proven,
        stream.time_base,
    )
    if index.is_trusted:
        index.fault = _first_fault(index, video, notes.incomplete, end[0])
    return index


def _first_fault(index: FrameIndex, video: Video, incomplete: list[int], why: str) -> Fault | None:
    """Return what the packets say about where reading has to end."""
    faults = []
    if why and not video.reading.allow_truncated:
        faults.append(Fault(index.count, f"the file is damaged or cut off there ({why})"))
    if not video.reading.skip_damaged:
        cut = [place for s in incomplete if (place := index.position_of(s)) is not None]
        if cut:
            faults.append(Fault(index.number(min(cut)), "a part of the frame is missing"))
        if index.numbers is not None:
            jumps = np.flatnonzero(np.diff(index.numbers) > 1)
            if len(jumps):
                number = index.number(int(jumps[0])) + 1
                faults.append(Fault(number, "frames are missing in the file"))
    return min(faults, key=lambda fault: fault.number, default=None)
