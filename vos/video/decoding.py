"""A video file, stream or camera decoded to upright RGB pictures, one after another (PyAV).

Colours are converted by FFmpeg's own scale filter, which knows matrix, range, bit depth and
chroma siting, so the pictures are those that FFmpeg shows. Shape letters: H W pixels.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.video.completeness import CUT_PACKET, FrameCheck, indexed_frames, is_incomplete
from vos.video.filters import HIGH_RANGE, SQUARE, RgbConverter, maps_tones
from vos.video.frame_range import ReadingOptions
from vos.video.numbering import FrameNumbers, Packets, container_form
from vos.video.sources.fragments import fragments_of, missing_samples
from vos.video.sources.live import LiveFrames, buffered_frames
from vos.video.sources.opening import connect, opening_options

_TEXT_ART = {"ansi", "bintext", "idf", "xbin"}  # what FFmpeg sees in text and in any bytes
_COUNTED_BYTES = 1 << 30  # larger files are not read through just to count their frames
_UNPROVEN_FRAMES = 25  # what twice an announced number is enlarged by
_SAME_RATE = 0.05  # share by which a mean rate may differ from the nominal one
_STRICT = {"err_detect": "explode+crccheck"}  # damaged frames are errors, not guesses


@dataclass(frozen=True)
class Picture:
    """A decoded frame."""

    index: int
    """Position in the video, from 0."""
    time: float | None
    """Seconds since the first frame, None where the source tells no time."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB, upright."""
    pixel_aspect: Fraction = SQUARE
    """A pixel's width to its height."""


class Video:
    """An open video: its rate and length, and its pictures in order.

    Attributes:
        name: what the user gave.
        fps: average frames per second, None if unknown.
        count: frames that the file says it holds, None if it does not (streams, cameras).
        limit: an index that is surely above those of all frames, None if unknown.
        reading: what is done about faults.
        stopped: when it is set, no further connection to a live source is made or waited for.
        packets: what its packets say, None if they were not walked.
        is_walked: whether frames are numbered by packets, as the header does not count them.
        place: the number of the stream of its pictures in the file, from 0.
    """

    def __init__(
        self,
        container: Any,
        name: str,
        live: bool,
        reading: ReadingOptions | None = None,
        *,
        walks: bool = True,
    ) -> None:
        self.name = name
        self._container = container
        self._live = live
        self.reading = reading or ReadingOptions()
        self._is_high_range = False
        self._connection: LiveFrames | None = None
        self.stopped = threading.Event()
        self._stream = self._best_stream()
        self.place = self._stream.index  # a stream of a closed file does not know it
        self._aspect = Fraction(self._stream.sample_aspect_ratio or SQUARE) or SQUARE
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps: Fraction | None = Fraction(rate) if rate else None
        path = Path(name)
        is_mp4 = container_form(container) == "mov" and path.is_file()
        self._is_fragmented = is_mp4 and fragments_of(path) is not None
        self._track, self._listed = self._stream.id, self._stream.frames
        is_counted = bool(self._listed) and not self._is_fragmented
        is_small = path.is_file() and path.stat().st_size <= _COUNTED_BYTES
        self.is_walked = is_small and not live and not is_counted
        self.packets = self._walk() if walks and self.is_walked else None
        self.count: int | None = None if live else self._count()
        self.limit = self._limit()

    def _best_stream(self) -> Any:
        """Return the best video stream; cover pictures of audio files are none."""
        stream = self._container.streams.best("video")
        covers = av.stream.Disposition.attached_pic
        if stream is None or stream.disposition & covers:
            why = "holds no video"
        elif stream.codec_context is None:  # such a stream has no name either
            why = "its video is of a kind that this FFmpeg cannot decode; re-encode it"
        elif stream.name in _TEXT_ART:
            why = "holds no video"
        else:
            return stream
        self._container.close()
        raise InputError(f"{self.name}: {why}")

    @property
    def is_live(self) -> bool:
        """Whether it is no file and has no length: a camera or a stream."""
        return self._live

    def missing_packets(self) -> dict[int, int]:
        """Return number of a packet -> packets known to be missing before it."""
        if not self._is_fragmented or not self.is_walked:
            return {}
        holes = missing_samples(Path(self.name), self._track)
        return {self._listed + place: lost for place, lost in holes.items()}

    @property
    def mean_fps(self) -> Fraction | None:
        """`fps`, or the rate by the time stamps where those are far from it."""
        packets = self.packets
        if packets is None or not packets.seconds or packets.count < 2:
            return self.fps
        mean = Fraction((packets.count - 1) / packets.seconds).limit_denominator(1000)
        near = self.fps and abs(mean - self.fps) < _SAME_RATE * self.fps
        return self.fps if near else mean

    def _count(self) -> int | None:
        """Return the number of frames by index or header, else by the packets."""
        if self._stream.frames and self.packets is None and not self._is_fragmented:
            return indexed_frames(self._container, self._stream) or int(self._stream.frames)
        return self.packets.count or None if self.packets else None

    def _limit(self) -> int | None:
        """Return an index above all; an announced number that nothing proves may be too low."""
        if self.count is None:
            return None
        is_proven = self.packets is not None or indexed_frames(self._container, self._stream)
        return self.count if is_proven else 2 * self.count + _UNPROVEN_FRAMES

    def _walk(self) -> Packets | None:
        """Walk the packets undecoded."""
        missing = self.missing_packets()
        try:
            with av.open(**opening_options(self.name)) as reopened:
                return Packets.walk(reopened, reopened.streams[self.place], missing)
        except av.FFmpegError:
            return None  # the damage is told where decoding meets it

    def pictures(self, select: Callable[[int], bool]) -> Iterator[Picture]:
        """Yield the selected frames; the others are decoded and dropped.

        Args:
            select: says of a frame's index whether to yield the frame.

        Raises:
            IncompleteSourceError: the file is damaged or cut off; the frames before that were
                yielded.
            InputError: not one frame is whole.
        """
        convert = self.converter()
        for index, time, frame in self.decoded():
            if select(index):
                self._tell_of_high_range(frame)
                yield Picture(index, time, convert(frame), self.pixel_aspect(convert))

    def _live_frames(self) -> LiveFrames:
        can_connect = "://" in self.name or self.name.startswith("/dev/")
        return LiveFrames(
            self.name,
            self._container,
            self._stream,
            connect=partial(connect, self.name) if can_connect else None,
            attempts=self.reading.reconnects,
            stopped=self.stopped,
        )

    def decoded(self) -> Generator[tuple[int, float | None, Any]]:
        """Yield (index, seconds since the first frame, frame as decoded), as `pictures` does."""
        if self._live:
            self._connection = self._live_frames()
        for index, stamp, frame in self._connection or self._file_frames():
            rate = self.fps if stamp is None else None
            yield index, float(index / rate) if rate else stamp, frame

    def converter(self) -> RgbConverter:
        """Return what turns decoded frames into pictures."""
        return RgbConverter(self._stream.time_base)

    def rewind(self) -> tuple[Any, Any]:
        """Open the file anew, for `decoded` or to seek in it; return container and stream."""
        self._container.close()
        self._container = av.open(**opening_options(self.name))
        self._stream = self._container.streams[self.place]
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.options = _STRICT
        return self._container, self._stream

    def _tell_of_high_range(self, frame: Any) -> None:
        """Say once that a frame's colours are mapped, or that they cannot be."""
        if self._is_high_range or frame.color_trc not in HIGH_RANGE:
            return
        self._is_high_range = True
        done = (
            "its colours are mapped to SDR (BT.709)"
            if maps_tones()
            else "its colours are read without tone mapping, so they look flat; convert it to SDR "
            "for better features"
        )
        kind = HIGH_RANGE[frame.color_trc]
        text = f"{self.name}: the video has a high dynamic range ({kind}), and {done}"
        warnings.warn(text, stacklevel=2)

    def pixel_aspect(self, convert: RgbConverter) -> Fraction:
        """Return width to height of a pixel of the last frame, as it stands upright."""
        return 1 / self._aspect if convert.turns else self._aspect

    def _file_frames(self) -> Iterator[tuple[int, float | None, Any]]:
        """Yield (index, seconds, frame); of a damaged file, those before the damage."""
        after = 0
        try:
            for item in self._passed(serial=False):
                after = item[0] + 1
                yield item
            return
        except _NotDecodedError:
            pass  # which frame it was, threads do not say; one thread does
        self._container.close()
        with av.open(**opening_options(self.name)) as reopened:
            self._container, self._stream = reopened, reopened.streams[self.place]
            yield from (item for item in self._passed(serial=True) if item[0] >= after)

    def _passed(self, *, serial: bool) -> Iterator[tuple[int, float | None, Any]]:
        """Decode from the start, by several threads or by one, and check that all is there.

        Raises:
            _NotDecodedError: a packet could not be decoded, and `serial` is false.
        """
        stream = self._stream
        stream.thread_type = "NONE" if serial else "AUTO"
        stream.codec_context.options = _STRICT
        numbers = FrameNumbers.of(self._container, self.packets.gaps if self.packets else {})
        check = FrameCheck(self.name, self._container, stream, numbers, self.reading)
        try:
            for packet in self._container.demux(stream):
                numbers.add(packet)
                check.packet(packet)
                frames, fault = _decoded(packet)
                if fault and numbers.started:
                    if not serial and fault is not CUT_PACKET:
                        raise _NotDecodedError
                    check.fault = fault
                for frame in frames:
                    seconds = numbers.seconds(frame, stream.time_base)
                    if (index := check.index(frame)) is not None:
                        yield index, seconds, frame
        except av.EOFError:
            pass
        except av.FFmpegError as error:
            check.broke_off(str(error.strerror))
            for frame in buffered_frames(stream):
                seconds = numbers.seconds(frame, stream.time_base)
                if (index := check.index(frame)) is not None:
                    yield index, seconds, frame
        check.end()

    def close(self) -> None:
        """Close the file or the connection."""
        (self._connection.container if self._connection else self._container).close()


class _NotDecodedError(Exception):
    """A packet of a file could not be decoded."""


def _decoded(packet: Any) -> tuple[list[Any], str]:
    """Decode a packet of a file: its frames, and what is wrong with it."""
    if is_incomplete(packet):
        return [], CUT_PACKET
    try:
        return list(packet.decode()), ""
    except av.InvalidDataError as error:
        return [], str(error.strerror)


def open_video(source: str, reading: ReadingOptions | None = None, *, walks: bool = True) -> Video:
    """Open a video file, a stream address (rtsp://, http://, ...) or a camera (/dev/video0).

    Of a live source, one that is no file and has no length, lost packets are passed over, and
    a connection that ends is made again, with a warning, as often as `reading` says.

    Args:
        source: the file, address or device.
        reading: what is done about faults.
        walks: whether to read through the packets where the number of frames depends on them;
            without it, set `Video.packets` before the second frame is read.

    Raises:
        InputError: it cannot be opened, or holds no video.
    """
    try:
        container = av.open(**{"file": source, **opening_options(source)})
    except (av.FFmpegError, ValueError) as error:
        is_file = Path(source).is_file()
        what = "not a video that can be read, or cut off" if is_file else "cannot be reached"
        raise InputError(f"{source}: {what} ({getattr(error, 'strerror', error)})") from error
    live = container.duration is None and not Path(source).is_file()
    return Video(container, source, live, reading, walks=walks)
