"""Which number a decoded frame has, and how many frames packets stand for.

A frame's number is the place of its time stamp among those of the packets, so a packet that gives
no frame leaves a gap in the numbers.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

# Containers whose packets hold one frame each. Others may give every field its own packet.
_ONE_FRAME_A_PACKET = {"apng", "asf", "avi", "flv", "gif", "ivf", "matroska", "mov"}
_STEADY = 0.8  # share of equal intervals from which a longer one is a gap
_GAP = 1.5  # intervals; longer ones lack a frame
_HIDDEN_VP8 = 0x10  # the bit of a VP8 packet's first byte that is 0 if nothing is shown
_EMPTY_MPEG4 = 19  # bytes; an MPEG-4 packet so small says that the last frame stays


def container_form(container: Any) -> str:
    """Return the first of FFmpeg's names of a container's format, such as `mov` for MP4."""
    return str(container.format.name).split(",")[0]


@dataclass
class FrameNumbers:
    """Numbers for frames in the order in which they are shown.

    Packets before the first key frame are no frames: nothing can decode them.
    """

    one_frame_a_packet: bool
    gaps: dict[int, int] = field(default_factory=dict)
    """Frames that are missing before a time stamp although no packet stands for them."""
    only_counts: bool = False
    """Whether no frame will be numbered, so that time stamps need not be kept."""
    expected: int = 0
    """Frames that the packets so far stand for."""
    end: int | None = None
    """Time stamp at which the last of the frames ends."""
    _stamps: list[int] = field(default_factory=list)
    _key: int | None = None
    _first: int | None = None
    _next: int = 0
    _last: tuple[int, int] | None = None

    @classmethod
    def of(cls, container: Any, gaps: dict[int, int]) -> FrameNumbers:
        """Number the frames of a container; `gaps` comes from `missing_between`."""
        return cls(container_form(container) in _ONE_FRAME_A_PACKET, gaps)

    @property
    def started(self) -> bool:
        """Whether a key frame has come."""
        return self._key is not None

    def add(self, packet: Any) -> None:
        """Take note of a packet before it is decoded."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or stamp is None:
            return
        if self._key is None:  # an edit list may leave out the key frame that others build on
            if not packet.is_keyframe:
                return
            self._key = stamp
        if packet.is_discard or stamp < self._key or not _shows_a_frame(packet):
            return
        self.expected += 1
        self.end = max(self.end or stamp, stamp + (packet.duration or 0))
        self._first = stamp if self._first is None else min(self._first, stamp)
        self.one_frame_a_packet &= packet.pts is not None  # the order of display is not known
        if self.one_frame_a_packet and not self.only_counts:
            heapq.heappush(self._stamps, stamp)

    def withdraw(self, packet: Any) -> None:
        """Forget the last packet that was added, since it is not whole."""
        self.expected -= 1
        if packet.pts in self._stamps:
            self._stamps.remove(packet.pts)
            heapq.heapify(self._stamps)

    def is_before_the_start(self, frame: Any) -> bool:
        """Whether a frame lies before the first key frame and is incomplete for that reason."""
        early = frame.pts is not None and self._key is not None and frame.pts < self._key
        return bool(early and frame.is_corrupt)

    def seconds(self, frame: Any, base: Any) -> float | None:
        """Return the time since the first frame, None where the frame has no time stamp."""
        if frame.pts is None:
            return None
        self._first = frame.pts if self._first is None else self._first
        return float((frame.pts - self._first) * base)

    def seconds_to_end(self, base: Any) -> float | None:
        """Return the time from 0 of the file to the end of its last frame, None if unknown."""
        return None if self.end is None else float(self.end * base)

    def length(self, base: Any) -> float | None:
        """Return the time from the first frame to the end of the last one, None if unknown."""
        if self.end is None or self._first is None:
            return None
        return float((self.end - self._first) * base)

    def number(self, frame: Any, *, damaged: bool) -> int:
        """Return the number of the next frame that is shown.

        Args:
            frame: the frame.
            damaged: whether a packet could not be decoded since the last frame; only then is a
                long interval a gap where packets and frames do not match one to one.
        """
        missing = 0
        if frame.pts is not None:
            while self._stamps and self._stamps[0] < frame.pts:
                missing += 1 + self.gaps.get(heapq.heappop(self._stamps), 0)
            while self._stamps and self._stamps[0] == frame.pts:
                heapq.heappop(self._stamps)
            missing += self.gaps.get(frame.pts, 0)
            if damaged and not self.one_frame_a_packet and self._last and self._last[1]:
                missing = round((frame.pts - self._last[0]) / self._last[1]) - 1
            self._last = (frame.pts, frame.duration or 0)
        number = self._next + max(0, missing)
        self._next = number + 1
        return number

    def missing_at_the_end(self) -> int:
        """Return how many packets of those added gave no frame; call it after the last one."""
        return len(self._stamps)


def _shows_a_frame(packet: Any) -> bool:
    codec = packet.stream.codec_context.name
    if codec == "mpeg4":
        return bool(packet.size > _EMPTY_MPEG4)
    return codec != "vp8" or bool(memoryview(packet)[0] & _HIDDEN_VP8)


@dataclass(frozen=True)
class Packets:
    """What the packets of a stream say without being decoded."""

    count: int
    """Frames that they stand for, those missing in gaps too."""
    gaps: dict[int, int]
    """See `missing_between`."""
    seconds: float | None
    """From the first frame to the last one, None if unknown."""

    @classmethod
    def walk(
        cls,
        container: Any,
        stream: Any,
        missing: Mapping[int, int],
        on_packet: Callable[[Any, FrameNumbers, bool], None] | None = None,
    ) -> Packets:
        """Read through a container that was opened for this alone.

        Args:
            container: the open file.
            stream: the stream of its pictures.
            missing: number of a packet -> frames that are known to be missing before it.
            on_packet: called with each packet, also the empty one at the end; the numbers, which
                know it; and whether it stands for a frame.

        Raises:
            av.FFmpegError: it is damaged.
        """
        numbers = FrameNumbers.of(container, {})
        numbers.only_counts = True
        stamps = array("q")
        holes: list[tuple[int, int]] = []  # stamps before a hole, frames missing in it
        for position, packet in enumerate(container.demux(stream)):
            if position in missing:
                holes.append((len(stamps), missing[position]))
            before = numbers.expected
            numbers.add(packet)
            if numbers.expected > before:
                stamps.append(packet.pts if packet.pts is not None else packet.dts)
            if on_packet is not None:
                on_packet(packet, numbers, numbers.expected > before)
        gaps = {min(stamps[at:]): lost for at, lost in holes if 0 < at < len(stamps)}
        stamps = array("q", sorted(stamps))
        if container_form(container) == "matroska":
            gaps = missing_between(stamps)
        seconds = float((stamps[-1] - stamps[0]) * stream.time_base) if stamps else None
        return cls(numbers.expected + sum(gaps.values()), gaps, seconds)


def missing_between(stamps: Sequence[int]) -> dict[int, int]:
    """Find frames that are missing between time stamps of a steady rate.

    Where most intervals are equal and every longer one is a multiple of them, frames are missing
    in the longer ones; else the rate varies, and nothing is missing.

    Returns:
        Time stamp after a gap -> frames missing before it.
    """
    steps = [after - before for before, after in pairwise(stamps)]
    if not steps or (step := median(steps)) <= 0:
        return {}
    slack = max(1.0, 0.02 * step)  # whole milliseconds round
    if sum(abs(other - step) <= slack for other in steps) < _STEADY * len(steps):
        return {}
    gaps: dict[int, int] = {}
    for (before, after), length in zip(pairwise(stamps), steps, strict=True):
        multiple = round(length / step)
        if abs(length - multiple * step) > slack * max(multiple, 1):
            return {}
        if length > _GAP * step:
            gaps[after] = multiple - 1
            assert before < after
    return gaps
