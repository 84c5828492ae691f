"""Whether a video file is whole: frames that are damaged or missing, and an early end.

Containers that are cut short say so by their own index, sizes or lengths.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import av

from vos.errors import IncompleteSourceError, InputError
from vos.video.frame_range import ReadingOptions
from vos.video.numbering import FrameNumbers, container_form
from vos.video.sources.file_kind import png_frames
from vos.video.sources.fragments import fragments_of

CUT_PACKET = "a part of a frame is missing"
_DISCARDED = 2  # FFmpeg's flag of index entries that an edit list leaves out
_SEGMENT = b"\x18\x53\x80\x67"  # Matroska's element around all others
_HEADER_BYTES = 4096
# Their frames are noise without what the frames before left in the decoder, not just ghosts.
_ENTROPY_CHAINS = {"ffv1", "vp8", "vp9"}
_PICTURE_ENDS = (0, 0x3B)  # last byte of a GIF's picture, and of the file
_LOST_FRAMES = 1.5  # a file that ends this many frames early was cut off


class FrameCheck:
    """What is done about frames that are damaged or missing, and about an early end.

    Args:
        name: what the user gave.
        container: the open file.
        stream: the stream of its pictures.
        numbers: of the frames; knows all packets.
        reading: what is passed over.

    Attributes:
        fault: why a packet since the last frame could not be decoded; empty if all could.
    """

    def __init__(
        self,
        name: str,
        container: Any,
        stream: Any,
        numbers: FrameNumbers,
        reading: ReadingOptions,
    ) -> None:
        self.fault = ""
        self._name = name
        self._container = container
        self._stream = stream
        self._numbers = numbers
        self._reading = reading
        self._readable = 0
        self._after = 0  # the number after that of the last frame
        self._skipped = 0
        self._cut = ""
        self._is_chain_broken = False  # until the next key frame
        self._limit: int | None = None  # time stamps from here on may lack others before them
        self._packet: Any = None

    def packet(self, packet: Any) -> None:
        """Take note of a packet before its frames; the last one is empty."""
        if packet.size:
            self._packet = packet
            return
        self._cut, self._limit = early_end(
            self._name, self._container, self._stream, self._numbers, self._packet
        )

    def broke_off(self, why: str) -> None:
        """Take note of an error that ended the reading."""
        self._cut = why

    def index(self, frame: Any) -> int | None:
        """Return the frame's number, None if it is left out.

        Raises:
            InputError: it is damaged, or one is missing before it, and that is not to be passed
                over.
        """
        numbers = self._numbers
        if numbers.is_before_the_start(frame):
            return None
        if self._limit is not None and frame.pts is not None and frame.pts >= self._limit:
            return None
        index = numbers.number(frame, damaged=bool(self.fault))
        if index > self._after:
            self._lost(index - self._after, self.fault or "frames are missing")
            self._is_chain_broken = self._stream.codec_context.name in _ENTROPY_CHAINS
        self._is_chain_broken &= not frame.key_frame
        self._after = index + 1
        if frame.is_corrupt:
            self._lost(1, "a frame is corrupt")
            return None
        self.fault = ""
        if self._is_chain_broken:
            self._skipped += 1
            return None
        self._readable += 1
        return index

    def _lost(self, count: int, why: str) -> None:
        """Pass over damaged frames, or stop before them."""
        self._skipped += count
        if self._reading.skip_damaged:
            return
        number = self._after - (1 if why == "a frame is corrupt" else 0)
        raise self._error(
            f"damaged after {number} readable frames ({why}). To use those, stop there "
            f"(--end {number}); to leave the damaged frames out, the others keeping their numbers, "
            "add --skip-damaged; or repair the file by re-encoding it."
            if number
            else f"the first frame is damaged ({why}). To leave damaged frames out, the others "
            "keeping their numbers, add --skip-damaged; or repair the file by re-encoding it."
        )

    def end(self) -> None:
        """Check that nothing is missing behind the last frame, and say what was left out.

        Raises:
            InputError: the file is damaged or cut short, and that is not to be passed over.
        """
        name = self._name
        if not self._readable and not self._skipped:
            raise InputError(f"{name}: no frame could be decoded; the file may be cut off")
        lost = self._numbers.missing_at_the_end()
        if self._cut and not self._reading.allow_truncated:
            raise self._error(
                f"damaged or cut off after {self._after} readable frames ({self._cut}). To use "
                f"those, stop there (--end {self._after}) or add --allow-truncated; or repair the "
                "file by re-encoding it."
            )
        if self._cut:
            text = f"{name}: cut short after {self._after} frames ({self._cut})"
            warnings.warn(text, stacklevel=2)
        elif lost or self.fault:
            self._lost(max(lost, 1), self.fault or "frames are missing")
        if self._skipped:
            text = (
                f"{name}: {self._skipped} damaged or missing frames were skipped; frames after "
                "them may show the damage up to the next key frame"
            )
            warnings.warn(text, stacklevel=2)

    def _error(self, text: str) -> InputError:
        kind = IncompleteSourceError if self._after else InputError
        return kind(f"{self._name}: {text}")


def is_incomplete(packet: Any) -> bool:
    """Whether a packet lacks its end."""
    if packet.is_corrupt:
        return True
    is_gif = packet.stream.codec_context.name == "gif" and packet.size
    return bool(is_gif and memoryview(packet)[-1] not in _PICTURE_ENDS)


def early_end(
    name: str, container: Any, stream: Any, numbers: FrameNumbers, last: Any
) -> tuple[str, int | None]:
    """Say what a file that was read to its end lacks, as `shortfall` does.

    Args:
        name: the file, or an address.
        container: the open file, read to its end.
        stream: the stream of its pictures.
        numbers: of the frames; knows all packets, and forgets `last` where that is cut.
        last: the last packet, None if there was none.

    Returns:
        What is lacking, nothing of a whole file; and the time stamp from which on frames may lack
        others before them, None if none may.
    """
    if last is not None and is_incomplete(last):
        numbers.withdraw(last)
        return CUT_PACKET, last.dts
    lack = shortfall(name, container, stream, numbers)
    if lack and last is not None and last.dts is not None:
        return lack, last.dts + (last.duration or 1)
    return lack, None


def shortfall(name: str, container: Any, stream: Any, numbers: FrameNumbers) -> str:
    """Say what a file lacks whose readable frames are over; nothing if it is whole.

    Args:
        name: the file, or an address.
        container: the open file, read to its end.
        stream: the stream of its pictures.
        numbers: of the frames; knows all packets that are whole.
    """
    form, readable = container_form(container), numbers.expected
    path = Path(name) if Path(name).is_file() else None
    listed = png_frames(path) if form == "apng" and path else indexed_frames(container, stream)
    if listed is not None and readable < listed:
        return f"its index lists {listed} frames"
    short = path is not None and ends_early(path, form)
    if form == "gif" and short:
        return "the file ends before its end mark"
    if form == "avi" and (
        readable < stream.frames if short else readable < 0.98 * stream.frames - 2
    ):
        return f"it states {stream.frames} frames"
    fragments = fragments_of(path) if form == "mov" and path else None
    if fragments is not None and fragments.count < fragments.listed and not numbers.gaps:
        return f"its index lists {fragments.listed} fragments, {fragments.count} are there"
    seconds, length = numbers.seconds_to_end(stream.time_base), _stated_length(container, stream)
    if fragments is not None and fragments.seconds:
        seconds, length, short = numbers.length(stream.time_base), fragments.seconds, True
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    slack = (0.5 if short else _LOST_FRAMES) / rate
    if length is not None and seconds is not None and length - seconds > slack:
        about = round(length * rate)
        return f"the file ends before the length that it states, about {about} frames"
    return ""


def _stated_length(container: Any, stream: Any) -> float | None:
    """Return the seconds at which Matroska says that the stream ends, None if unsaid."""
    if container_form(container) != "matroska":
        return None
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except (KeyError, ValueError):
        alone = len(container.streams) == 1 and container.duration
        return container.duration / av.time_base if alone else None


def indexed_frames(container: Any, stream: Any) -> int | None:
    """Return how many frames the index of an MP4 or QuickTime file lists, edit lists applied.

    None for other containers and for files without an index. Of a fragmented file it is what the
    fragments read so far list.
    """
    if container_form(container) != "mov":
        return None
    return sum(not entry.flags & _DISCARDED for entry in stream.index_entries) or None


def ends_early(path: Path, form: str) -> bool:
    """Whether a file is shorter than its container says, as far as that kind says it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
        if form == "gif":
            file.seek(max(0, size - _HEADER_BYTES))
            return not file.read().rstrip(b"\0").endswith(b";")
    if start.startswith(b"RIFF"):
        stated = int.from_bytes(start[4:8], "little")
        return bool(stated) and stated + 8 > size + 1  # the last byte may be padding
    at = start.find(_SEGMENT) if form == "matroska" else -1
    if at < 0 or not start[at + 4]:
        return False
    width = 9 - start[at + 4].bit_length()  # the size's own bytes, by its leading zeros
    field_bits = 7 * width
    stated = int.from_bytes(start[at + 4 : at + 4 + width], "big") & ((1 << field_bits) - 1)
    unknown = stated == (1 << field_bits) - 1
    return not unknown and at + 4 + width + stated > size
