"""The frames of a video file from a later one back to the first.

The video is surveyed in one pass forward, which notes of each frame taken its number, time stamp
and a checksum. Then it is decoded in windows, the last one first: from a key frame on, keeping only
the frames of the window. A window whose frames do not come out as in
the survey (a key frame that others reach over, damage, a file in which FFmpeg cannot seek) is
decoded from an earlier key frame, at last from the file's start.

Letters: H W pixels.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.video.decoding import Video
from vos.video.frame_range import FrameRange
from vos.video.frames import Frame, frame_name, of_size
from vos.video.images import shrink, shrunk_size

_EARLIER_KEYS = (0, 1, 3)  # how many key frames earlier decoding starts, before the file's start


@dataclass
class _Survey:
    """The frames taken, by their position among them, and the key frames."""

    indexes: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    stamps: array[int] = field(default_factory=lambda: array("q"))
    checksums: array[int] = field(default_factory=lambda: array("L"))
    key_stamps: array[int] = field(default_factory=lambda: array("q"))
    key_positions: array[int] = field(default_factory=lambda: array("q"))
    """Position of the first frame taken that is not before a key frame."""
    rising: bool = True
    """Whether every frame has a time stamp after that of the frame before it."""
    size: tuple[int, ...] = ()
    """(H, W) of the first frame, upright."""
    frame_bytes: int = 1
    """Of the largest frame as it waits."""

    def __len__(self) -> int:
        return len(self.indexes)


class BackwardVideo:
    """One reading of a video file from a frame back to the first one taken.

    A frame waits for its turn as it was decoded, or as a picture where that is smaller.

    Args:
        video: the open file; it is closed at the end.
        choice: which frames are taken.
        last: index of the frame to begin with, one of those.
        window_bytes: of frames that wait; at least one does.
    """

    def __init__(self, video: Video, choice: FrameRange, last: int, window_bytes: int) -> None:
        self._video = video
        self._window_bytes = window_bytes
        self._choice = choice
        self._last = last
        self._convert = video.converter()
        self._survey = _Survey()

    def frames(self) -> Iterator[Frame]:
        """Yield the frames in falling order.

        Raises:
            InputError: the file is damaged or cut off at or before the last frame; or has none
                of that number; or frames of different sizes.
        """
        try:
            window = self._read_survey()
            survey = self._survey
            if not len(survey) or survey.indexes[-1] != self._last:
                raise InputError(
                    f"{self._video.name}: has no frame {self._last}; the last one before it is "
                    f"{survey.indexes[-1] if len(survey) else 'missing too'}"
                )
            end = len(survey)
            while end:
                window = window or self._window(end)
                while window:
                    end -= 1
                    yield self._frame(end, window.pop())
        finally:
            self._video.close()

    def _read_survey(self) -> list[Any]:
        """Read to the last frame, and return the last frames, as many as may wait."""
        survey = self._survey
        recent: deque[Any] = deque()
        latest: int | None = None
        for index, time, frame in self._decoded(self._last):
            stamp = frame.pts
            survey.rising &= stamp is not None and (latest is None or stamp > latest)
            latest = stamp
            if frame.key_frame and stamp is not None:
                survey.key_stamps.append(stamp)
                survey.key_positions.append(len(survey))
            if self._choice.takes(index):
                survey.indexes.append(index)
                survey.times.append(float("nan") if time is None else time)
                survey.stamps.append(stamp or 0)
                survey.checksums.append(self._checksum(frame))
                recent.append(self._waiting(frame))
                while len(recent) > self._capacity:
                    recent.popleft()
        return list(recent)

    @property
    def _capacity(self) -> int:
        return max(1, self._window_bytes // self._survey.frame_bytes)

    def _waiting(self, frame: Any) -> Any:
        """Return a frame in the smaller one of its forms, and note how large that is."""
        survey = self._survey
        raw = sum(plane.buffer_size for plane in frame.planes)
        if not survey.size:
            survey.size = self._convert(frame).shape[:2]
        height, width = shrunk_size(survey.size[0], survey.size[1], self._choice.max_size)
        survey.frame_bytes = max(survey.frame_bytes, min(raw, 3 * height * width))
        return frame if raw <= 3 * height * width else self._picture(frame)

    def _picture(self, frame: Any) -> NDArray[np.uint8]:
        """Return the picture (H, W, 3) of a decoded frame."""
        resize = self._video.reading.on_size_change == "resize"
        image = self._convert(frame)
        image = of_size(image, self._survey.size, "a frame", self._video.name, resize=resize)
        return shrink(image, self._choice.max_size)

    def _frame(self, position: int, waiting: Any) -> Frame:
        image = waiting if isinstance(waiting, np.ndarray) else self._picture(waiting)
        index, time = self._survey.indexes[position], self._survey.times[position]
        aspect = self._video.pixel_aspect(self._convert)
        return Frame(frame_name(index), index, None if np.isnan(time) else time, image, aspect)

    def _window(self, end: int) -> list[Any]:
        """Decode the frames before the position `end`, as many as may wait."""
        survey = self._survey
        low = max(0, end - self._capacity)
        first = bisect_left(survey.key_positions, low)  # whole runs, where they are short enough
        if first < len(survey.key_positions) and survey.key_positions[first] < end:
            low = survey.key_positions[first]
        first = bisect_right(survey.key_positions, low) - 1
        for earlier in _EARLIER_KEYS if survey.rising else ():
            if earlier <= first and (window := self._after_key(first - earlier, low, end)):
                return window
        return self._from_start(low, end)

    def _after_key(self, key: int, low: int, end: int) -> list[Any]:
        """Decode from a key frame; return nothing if other frames come than the survey's."""
        survey = self._survey
        position = low
        container, stream = self._video.rewind()
        try:
            container.seek(survey.key_stamps[key], stream=stream)
            window: list[Any] = []
            for packet in container.demux(stream):
                for frame in packet.decode():
                    if frame.pts is None or frame.pts > survey.stamps[position]:
                        return []
                    if frame.pts < survey.stamps[position]:
                        continue
                    if frame.is_corrupt or self._checksum(frame) != survey.checksums[position]:
                        return []
                    window.append(self._waiting(frame))
                    position += 1
                    if position == end:
                        return window
        except av.FFmpegError:
            pass  # also the file's end; decoding from further back may get along
        return []

    def _from_start(self, low: int, end: int) -> list[Any]:
        """Decode from the file's start, as the survey did.

        Raises:
            InputError: other frames come than the survey's.
        """
        indexes = self._survey.indexes
        self._video.rewind()
        window = [
            self._waiting(frame)
            for index, _, frame in self._decoded(indexes[end - 1])
            if index >= indexes[low] and self._choice.takes(index)
        ]
        if len(window) != end - low:
            raise InputError(
                f"{self._video.name}: gave {len(window)} frames from {indexes[low]} to "
                f"{indexes[end - 1]}, and {end - low} before; it was changed while it was read"
            )
        return window

    def _decoded(self, last: int) -> Iterator[tuple[int, float | None, Any]]:
        """Yield the frames up to an index, and read no further."""
        with closing(self._video.decoded()) as decoded:
            for item in decoded:
                if item[0] <= last:
                    yield item
                if item[0] >= last:
                    return

    def _checksum(self, frame: Any) -> int:
        """Return a number for the frame's content, without what lies beside its rows."""
        planes = frame.planes
        if any(plane.line_size < 0 for plane in planes):  # stored upside down
            return zlib.crc32(self._convert(frame).data)
        components = frame.format.components
        value = 0
        for number, plane in enumerate(planes):
            here = [c for c in components if c.plane == number]
            row = sum(c.width * -(-c.bits // 8) for c in here) or plane.line_size
            if len(planes) == 1:
                row = min(row, -(-frame.width * frame.format.padded_bits_per_pixel // 8))
            if plane.line_size:
                rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                value = zlib.crc32(np.ascontiguousarray(rows[:, :row]).data, value)
        return value
