"""A video file's frames by number: by its index and a decoder that seeks, else in order.

Until the index is there, and where it cannot be trusted, frames are decoded from the start, which
gives them their numbers as reading the whole video does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import av

from vos.errors import InputError
from vos.video.decoding import open_video
from vos.video.frame_range import ReadingOptions
from vos.video.frame_store.decoded import Decoded, FrameMaker
from vos.video.frame_store.forward import ForwardReader, Items
from vos.video.frame_store.index import Fault, FrameIndex, build_index
from vos.video.frame_store.pictures import identity_of
from vos.video.frame_store.pool import DecoderPool
from vos.video.frame_store.seeking import (
    DamagedFrameError,
    SeekingDecoder,
    UnexpectedFrameError,
)
from vos.video.frame_store.source import Keep, LeftOutFrameError, NumberedSource
from vos.video.frames import Frame, frame_name

_DECODERS = 2  # a slow request shall not keep all others waiting
_JOIN_SECONDS = 2.0
_WAIT_SECONDS = 0.05
_PROVING_FRAMES = 48  # that have to agree with the index, where a packet may be half a frame
_KEPT_BEFORE = 8  # frames before the one asked for, so that going back is cheap
_KEPT_BACKWARD = 32  # the same, once frames are asked for in falling order


class VideoFrames(NumberedSource):
    """The frames of a video file.

    Args:
        source: the file.
        max_size: longest side of the frames.
        reading: what is done about faults.
        on_change: called when more is known: the count, a fault.
        on_distrust: called when frames may have been given under wrong numbers.

    Raises:
        InputError: it cannot be opened, or its first frame cannot be read.
    """

    def __init__(
        self,
        source: str,
        *,
        max_size: int | None,
        reading: ReadingOptions | None,
        on_change: Callable[[], None],
        on_distrust: Callable[[], None],
    ) -> None:
        self.name = source
        self._reading = reading or ReadingOptions()
        self.leaves_out = self._reading.skip_damaged
        self._max_size = max_size
        self._on_change, self._on_distrust = on_change, on_distrust
        self._is_closed = False
        self._index: FrameIndex | None = None
        self._is_indexed = threading.Event()
        self._fault: Fault | None = None
        self._last = 0
        self._video = open_video(source, reading, walks=False)
        self._make = FrameMaker(self._video, max_size)
        self._is_walked = self._video.is_walked
        self.fps, self.count, self.count_is_exact = self._video.fps, self._video.count, False
        self._video.close()
        self._forward = DecoderPool(lambda: ForwardReader(self._in_order), _DECODERS)
        self._seeking: DecoderPool[SeekingDecoder] = DecoderPool(self._seeking_decoder, _DECODERS)
        self._first_stamp: int | None = None
        self.first = self._first_frame()
        self.size = (self.first.image.shape[0], self.first.image.shape[1])
        self._thread = threading.Thread(target=self._build_index, daemon=True)

    @property
    def is_indexed(self) -> bool:
        """Whether the index is done."""
        return self._is_indexed.is_set()

    def start(self) -> None:
        """Start to index the video in a thread."""
        self._thread.start()

    def _first_frame(self) -> Frame:
        items = self._in_order()
        try:
            number, decoded = next(items)
        except StopIteration:
            raise InputError(f"{self.name}: no frame could be decoded") from None
        finally:
            items.close()
        self._first_stamp = decoded.picture.pts if number == 0 else None
        return self._make(number, decoded)

    def _in_order(self) -> Items:
        """Decode from the start, as reading the whole video does."""
        video = open_video(self.name, self._reading, walks=False)
        video.packets = self._index.packets if self._index else None
        try:
            for number, time, picture in video.decoded():
                yield number, Decoded(picture, time)
        finally:
            video.close()

    def _seeking_decoder(self) -> SeekingDecoder:
        assert self._index is not None
        video = open_video(self.name, self._reading, walks=False)
        return SeekingDecoder(video, self._index, self._check_open)

    def _check_open(self) -> None:
        if self._is_closed:
            raise InputError(f"{self.name}: the video was closed")

    def _build_index(self) -> None:
        try:
            index = build_index(self._video, lambda: not self._is_closed)
            # What is decoded in order depends on the gaps, which the index knows.
            self._index = index
            index.is_trusted = index.is_trusted and self._is_right(index)
            if index.fault is not None:
                self._note(index.fault)
            if index.is_trusted or not self.count:
                self.count = index.count or None
            self.count_is_exact = index.is_trusted
            if index.is_trusted:
                self._forward.drop()  # they have no more to do
        except InterruptedError:
            return
        except (av.FFmpegError, InputError, OSError, MemoryError):
            pass  # decoding in order says what is wrong
        finally:
            self._is_indexed.set()
        if not self._is_closed:
            self._on_change()

    def _is_right(self, index: FrameIndex) -> bool:
        """Say whether the first frames have the numbers of the index."""
        if index.number(0) != 0 or self._first_stamp != index.stamps[0]:
            return False
        if index.is_proven:
            return True
        try:
            with closing(self._in_order()) as items:
                for number, decoded in islice(items, _PROVING_FRAMES):
                    position = index.position_of(decoded.picture.pts)
                    if self._is_closed or position is None or index.number(position) != number:
                        return False
        except InputError:
            pass  # a fault so near the start
        return True

    def _note(self, fault: Fault) -> None:
        """Take note of a fault; the earliest one counts."""
        if self._fault is None or fault.number < self._fault.number:
            self._fault = fault
            self.fault = f"frames from {fault.number} on cannot be read: {fault.reason}"

    def check(self, number: int) -> None:
        """Refuse a number of which it is known that there is no frame to be read.

        Raises:
            InputError: it is such a number.
        """
        fault = self._fault
        if fault is not None and number >= fault.number:
            raise InputError(
                f"{self.name}: frame {number} cannot be read; the video is faulty from frame "
                f"{fault.number} on ({fault.reason}). Repair it by re-encoding it, or stop before "
                f"frame {fault.number}"
            )
        super().check(number)

    def read(self, number: int, keep: Keep, kept: Callable[[int], Any | None]) -> Any:
        """Decode a frame; see the base class."""
        self._check_open()
        if not self._is_indexed.is_set():
            found = self._before_the_index(number, keep, kept)
            if found is not None:
                return found
        self._check_open()
        self.check(number)
        index = self._index
        if index is not None and index.is_trusted:
            position = index.position(number)
            if position is None:
                raise LeftOutFrameError(f"{self.name}: frame {number} is missing in the file")
            found = self._by_seeking(index, position, keep, kept)
            if found is not None:
                return found
        return self._by_order(number, keep, kept)

    def _before_the_index(
        self, number: int, keep: Keep, kept: Callable[[int], Any | None]
    ) -> Any | None:
        """Decode in order until the frame comes or the index is there, whatever is first."""
        while self._is_walked and not self._is_indexed.wait(_WAIT_SECONDS):
            self._check_open()  # the frames' numbers depend on the index
        if self._is_indexed.is_set():
            return None
        return self._by_order(number, keep, kept, lambda: not self._is_indexed.is_set())

    def _by_order(
        self,
        number: int,
        keep: Keep,
        kept: Callable[[int], Any | None],
        waits: Callable[[], bool] | None = None,
    ) -> Any | None:
        """Decode in order; return None if `waits` says that there is another way now."""

        def goes_on() -> bool:
            self._check_open()
            return waits is None or waits()

        with self._forward.take(number, spread=True) as forward:
            if (item := kept(number)) is not None:
                return item
            try:
                item = forward.read(number, keep, goes_on)
            except InputError as error:
                self._check_open()
                self._note(Fault(forward.after, _reason(error, self.name)))
                self._on_change()
                self.check(number)
                raise
            if item is not None or (waits is not None and not waits()):
                return item
            if forward.is_ended:
                self.count, self.count_is_exact = forward.after, True
                self._on_change()
                raise self.no_frame(number)
        raise LeftOutFrameError(f"{self.name}: frame {number} is damaged or missing, and left out")

    def _by_seeking(
        self,
        index: FrameIndex,
        position: int,
        keep: Keep,
        kept: Callable[[int], Any | None],
    ) -> Any | None:
        """Decode from the key frame before; return None where that gives no sure result."""
        number = index.number(position)
        is_backward = 0 < self._last - position <= _KEPT_BACKWARD
        self._last = position
        first = max(0, position - (_KEPT_BACKWARD if is_backward else _KEPT_BEFORE))
        found: list[Decoded] = []

        def keep_position(place: int, picture: Any) -> None:
            decoded = Decoded(picture, index.seconds(place))
            keep(index.number(place), decoded)
            if place == position:
                found.append(decoded)

        with self._seeking.take(position) as decoder:
            if (item := kept(number)) is not None:
                return item
            try:
                decoder.read(position, first, keep_position)
            except DamagedFrameError as error:
                if not self._reading.skip_damaged:
                    self._note(error.fault)
                    self._on_change()
                    self.check(number)
            except UnexpectedFrameError:
                self._distrust(index)
        return found[0] if found else None

    def _distrust(self, index: FrameIndex) -> None:
        """From now on decode in order alone."""
        if index.is_trusted:
            index.is_trusted = False
            self.count_is_exact = False
            self._on_distrust()
            self._on_change()

    def frame(self, number: int, held: Any) -> Frame:
        """Make a frame of a decoded one; see the base class."""
        return self._make(number, held)

    def size_of(self, held: Any) -> int:
        """Return the bytes of a decoded frame."""
        return int(held.bytes)

    def frame_name(self, number: int) -> str:
        """Return the number with leading zeros."""
        return frame_name(number)

    def identity(self) -> str:
        """Return what the frames depend on: the file, and how it is read."""
        return identity_of([Path(self.name)], self._max_size, self._reading)

    def close(self) -> None:
        """Stop the thread and all decoding."""
        self._is_closed = True
        self._forward.close()
        self._seeking.close()
        if self._thread is not threading.current_thread() and self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)


def _reason(error: InputError, name: str) -> str:
    """Return what an error says, without the name before it and the advice of command lines."""
    return str(error).removeprefix(f"{name}: ").split(". To use ")[0].split(". To leave ")[0]
