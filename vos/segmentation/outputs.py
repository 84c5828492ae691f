"""What a run writes: masks, overlay, soft labels, cut-outs, run-length codes.

All of it happens in one thread of its own, behind a bounded queue, while the next frame is
computed. Each file is written beside its name and renamed, so none is ever half there.

Shapes: C channels, h w patches, H W pixels.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np

from vos.errors import InputError
from vos.files import write_json
from vos.masks.io import read_index_png
from vos.masks.rle import RleTracks
from vos.segmentation.run_folder import ALPHA, ALPHA_VIDEO, MASKS, OVERLAY, RLE, SOFT
from vos.segmentation.sinks import CutOuts, MaskFiles, OverlayVideo, Result, Sink, SoftFiles
from vos.video.frames import Frame
from vos.video.writer import VideoWriter

_PICTURE_FPS = 24
"""Frame rate of the overlay where the source, a folder of pictures, has none: DAVIS's."""


_QUEUE = 8


@dataclass(frozen=True)
class OutputOptions:
    """What is written beside the masks."""

    overlay: bool = True
    """Write overlay.mp4, the video with the masks drawn over it."""
    show_ids: bool = False
    """Write each object's id on the overlay."""
    overlay_fps: float | None = None
    """Frames per second of the overlay; the source's own by default, 24 for pictures."""
    soft: Literal["none", "npz", "png"] = "none"
    """Soft labels of every frame: npz, or a 16-bit PNG for each object."""
    rle: Literal["none", "youtube-vos", "coco"] = "none"
    """Run-length codes of all masks in one JSON file."""
    alpha: Literal["none", "png", "video"] = "none"
    """The objects cut out: RGBA PNG files, or a ProRes 4444 video with alpha."""

    def __post_init__(self) -> None:
        """Check the frame rate.

        Raises:
            InputError: it is not above 0.
        """
        if self.overlay_fps is not None and not 0 < self.overlay_fps < float("inf"):
            raise InputError(f"overlay fps is {self.overlay_fps}; expected frames per second")


class Outputs(AbstractContextManager["Outputs"]):
    """All outputs of a run, written by a thread.

    Leave the block by an exception and videos are dropped; leave it normally, even early, and
    they are whole up to the last result.
    """

    def __init__(
        self, out: Path, options: OutputOptions, fps: Fraction | None, stride: int
    ) -> None:
        self.seconds = 0.0
        self._out = out
        self._options = options
        rate = fps / stride if fps else Fraction(_PICTURE_FPS)
        self._fps = Fraction(options.overlay_fps) if options.overlay_fps else rate
        self._masks = MaskFiles(out / MASKS)
        self._waiting: queue.Queue[tuple[Result | None, Callable[[], None] | None] | None]
        self._waiting = queue.Queue(_QUEUE)
        self._error: BaseException | None = None
        self._names: list[str] = []
        self._stack = ExitStack()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Outputs:
        self._sinks = [self._masks, *self._videos_and_files()]
        self._thread.start()
        return self

    def _videos_and_files(self) -> Iterable[Sink]:
        options = self._options
        if options.overlay:
            writer = self._stack.enter_context(VideoWriter(self._out / OVERLAY, self._fps))
            yield OverlayVideo(writer, options.show_ids)
        if options.soft != "none":
            yield SoftFiles(self._out / SOFT, options.soft)
        if options.alpha != "none":
            film = None
            if options.alpha == "video":
                film = VideoWriter(self._out / ALPHA_VIDEO, self._fps, codec="prores")
                self._stack.enter_context(film)
            yield CutOuts(self._out / ALPHA, film)

    @property
    def all_written(self) -> bool:
        """Whether every result is on disk: none failed, and the thread has come to its end."""
        return self._error is None and not self._thread.is_alive()

    def write(self, result: Result, then: Callable[[], None] | None = None) -> None:
        """Hand over a result.

        Args:
            result: the frame's.
            then: called in the thread once all of the result is on disk.

        Raises:
            OSError: an earlier result could not be written.
        """
        if self._error is not None:
            raise self._error
        self._waiting.put((result, then))
        self._names.append(result.frame.name)  # after it: a stop may come while it waits

    def replay(self, frame: Frame) -> np.ndarray:
        """Put a frame whose mask is on disk already through the videos, and return its mask.

        Raises:
            InputError: its mask is missing or damaged.
        """
        ids = read_index_png(self._masks.path(frame.name))
        result = Result(frame, ids, None, ())
        self._waiting.put((result, None))
        self._names.append(frame.name)
        return ids

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            if self._error is not None:
                continue
            result, then = item
            start = time.perf_counter()
            try:
                if result is not None:
                    for sink in self._sinks:
                        sink.write(result)
                if then is not None:
                    then()
            except BaseException as error:
                self._error = error
            self.seconds += time.perf_counter() - start

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:  # closes the videos, whatever is raised here
            try:
                self._waiting.put(None)
                self._thread.join()
            except BaseException as stop:  # stopped again: what waits is not written any more
                self._error = stop
                raise
            failure = error or self._error
            if failure is not None:
                raise failure
            if self._options.rle != "none":
                self._write_rle()

    def _write_rle(self) -> None:
        """Code all masks of the run, those of an earlier part too, from their files."""
        tracks = RleTracks()
        for name in self._names:
            tracks.add(name, read_index_png(self._masks.path(name)))
        youtube = self._options.rle == "youtube-vos"
        document = tracks.youtube_vos(self._out.name) if youtube else tracks.coco()
        write_json(self._out / RLE, document)
