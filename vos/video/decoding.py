"""A video file, stream or camera decoded to upright RGB pictures, one after another (PyAV).

Colours are converted by FFmpeg's own scale filter, which knows matrix, range, bit depth and
chroma siting, so the pictures are those that FFmpeg shows.

Shape letters: H W pixels.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from vos.errors import InputError
from vos.video.filters import conversion_graph

_DISPLAY_MATRIX = Type.DISPLAYMATRIX
_TEXT_ART = {"ansi", "bintext", "idf", "xbin"}  # what FFmpeg sees in text and in any bytes
_COUNTED_BYTES = 1 << 30  # larger files are not read through just to count their frames
_NETWORK_SECONDS = 15.0
_LOST_FRAMES = 1.5  # a file that ends this many frames early was cut off


@dataclass(frozen=True)
class Picture:
    """A decoded frame."""

    index: int
    """Position in the video, from 0."""
    time: float | None
    """Seconds since the first frame, None where the source tells no time."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB, upright."""


class _RgbConverter:
    """Turn decoded frames into RGB arrays through one filter graph per pixel format and size."""

    def __init__(self, time_base: Fraction | None) -> None:
        self._time_base = time_base or Fraction(1, 1000)
        self._form: tuple[Any, ...] = ()
        self._graph: Any = None
        self._matrix: NDArray[np.int32] | None = None

    def __call__(self, frame: Any) -> NDArray[np.uint8]:
        """Return the frame as RGB (H, W, 3), turned upright as its metadata say."""
        form = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range,
                frame.rotation)  # fmt: skip
        if form != self._form:
            self._graph = conversion_graph(frame, self._time_base, "rgb24")
            self._form = form
            # Asked once: a frame that was asked stays in memory until the garbage collector.
            matrix = frame.side_data.get(_DISPLAY_MATRIX)
            self._matrix = None if matrix is None else np.frombuffer(bytes(matrix), np.int32)
        self._graph.push(frame)
        return _upright(self._graph.pull().to_ndarray(), self._matrix)


def _upright(image: NDArray[np.uint8], matrix: NDArray[np.int32] | None) -> NDArray[np.uint8]:
    """Turn and mirror a picture as a display matrix says (nine 32-bit numbers, row by row).

    It moves column x and row y to column a x + c y and row b x + d y, with a b / c d its first
    entries; cameras write quarter turns and mirrorings alone.
    """
    if matrix is None:
        return np.ascontiguousarray(image)
    a, b, _, c, d = matrix[:5]
    if abs(c) > abs(a):
        image, a, d = image.swapaxes(0, 1), c, b  # (H, W, 3) -> (W, H, 3)
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


class Video:
    """An open video: its rate and length, and its pictures in order.

    Attributes:
        name: what the user gave.
        fps: average frames per second, None if unknown.
        count: frames that the file says it holds, None if it does not (streams, cameras).
    """

    def __init__(self, container: Any, name: str, live: bool) -> None:
        self.name = name
        self._container = container
        self._live = live
        self._stream = self._best_stream()
        self._stream.thread_type = "AUTO"
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps: Fraction | None = Fraction(rate) if rate else None
        self.count: int | None = None if live else self._count()

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

    def _count(self) -> int | None:
        """Return the number of frames by the header, else by walking the packets undecoded."""
        if self._stream.frames:
            return int(self._stream.frames)
        path = Path(self.name)
        if not path.is_file() or path.stat().st_size > _COUNTED_BYTES:
            return None
        try:
            with av.open(**_options(self.name)) as reopened:
                packets = reopened.demux(reopened.streams[self._stream.index])
                return sum(1 for packet in packets if packet.size) or None
        except av.FFmpegError:
            return None  # the damage is told where decoding meets it

    def pictures(self, select: Callable[[int], bool]) -> Iterator[Picture]:
        """Yield the selected frames; the others are decoded and dropped.

        Args:
            select: says of a frame's index whether to yield the frame.

        Raises:
            InputError: the file is damaged or cut off; the frames before that were yielded.
        """
        base = self._stream.time_base
        convert = _RgbConverter(base)
        first: int | None = None
        end = 0.0
        index = -1
        for index, frame in enumerate(self._frames()):
            time = None
            if frame.pts is not None:
                first = frame.pts if first is None else first
                time = float((frame.pts - first) * base)
                end = float((frame.pts + (frame.duration or 0)) * base)
            elif self.fps:
                time = float(index / self.fps)
            if select(index):
                yield Picture(index, time, convert(frame))
        self._check_complete(index + 1, end)

    def _frames(self) -> Iterator[Any]:
        """Yield decoded frames; of a damaged file, those before the damage, then the error."""
        readable = 0
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt and not self._live:
                    raise av.InvalidDataError(0, "a part of a frame is missing")
                for frame in self._decoded(packet, readable):
                    if frame.is_corrupt and not self._live and readable:
                        raise self._damaged(readable, "a frame is corrupt")
                    readable += 1
                    yield frame
        except av.EOFError:
            pass
        except av.FFmpegError as error:
            for frame in self._buffered_frames():
                readable += 1
                yield frame
            if not self._live:
                raise self._damaged(readable, str(error.strerror)) from error
            warnings.warn(f"{self.name}: ended after {readable} frames ({error})", stacklevel=2)

    def _decoded(self, packet: Any, readable: int) -> list[Any]:
        """Decode a packet; before a first whole frame, and in streams, failures are skipped."""
        try:
            return list(packet.decode())
        except av.InvalidDataError:
            if readable and not self._live:
                raise
            return []

    def _buffered_frames(self) -> list[Any]:
        """Return the whole frames that the decoder's threads still hold after an error."""
        try:
            return [f for f in self._stream.codec_context.decode(None) if not f.is_corrupt]
        except av.FFmpegError:
            return []

    def _check_complete(self, readable: int, end: float) -> None:
        """Raise InputError where a file ended before the length that it states."""
        if self._live:
            return
        if not readable:
            raise InputError(f"{self.name}: no frame could be decoded; the file may be cut off")
        missing = 0.0
        if (length := self._stated_length()) is not None:
            missing = length - end
        slack = _LOST_FRAMES / float(self.fps or 25)
        too_few = self._container.format.name == "avi" and readable < 0.98 * self._stream.frames - 2
        if missing > slack or too_few:
            raise self._damaged(readable, "the file ends before the length that it states")

    def _stated_length(self) -> float | None:
        """Return the seconds at which Matroska says that the stream ends, None if unsaid."""
        if not self._container.format.name.startswith("matroska"):
            return None
        try:
            hours, minutes, seconds = self._stream.metadata["DURATION"].split(":")
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        except (KeyError, ValueError):
            alone = len(self._container.streams) == 1 and self._container.duration
            return self._container.duration / av.time_base if alone else None

    def _damaged(self, readable: int, why: str) -> InputError:
        return InputError(
            f"{self.name}: damaged or cut off after {readable} readable frames ({why}). "
            f"To use those, stop there (--end {readable}); or repair the file by re-encoding it."
        )

    def close(self) -> None:
        """Close the file or the connection."""
        self._container.close()


def _options(source: str) -> dict[str, Any]:
    """Return how to open a source: cameras by device, network addresses with time limits."""
    if Path(source).is_file():
        return {"file": f"file:{source}"}  # so that a colon in a name names no protocol
    if source.startswith("/dev/video"):
        return {"format": "v4l2"}
    if "://" in source:
        options = {"rtsp_transport": "tcp"} if source.startswith("rtsp") else {}
        return {"options": options, "timeout": (_NETWORK_SECONDS, _NETWORK_SECONDS)}
    return {}


def open_video(source: str) -> Video:
    """Open a video file, a stream address (rtsp://, http://, ...) or a camera (/dev/video0).

    Of a live source, one that is no file and has no length, lost packets are passed over, and
    it ends, with a warning, where the connection ends.

    Raises:
        InputError: it cannot be opened, or holds no video.
    """
    try:
        container = av.open(**{"file": source, **_options(source)})
    except (av.FFmpegError, ValueError) as error:
        is_file = Path(source).is_file()
        what = "not a video that can be read, or cut off" if is_file else "cannot be reached"
        raise InputError(f"{source}: {what} ({getattr(error, 'strerror', error)})") from error
    live = container.duration is None and not Path(source).is_file()
    return Video(container, source, live)
