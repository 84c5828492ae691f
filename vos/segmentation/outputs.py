"""What a run writes: masks, tables, overlay, soft labels, cut-outs, run-length codes.

All of it happens in one thread of its own, behind a bounded queue, while the next frame is
computed. Each file is written beside its name and renamed, so none is ever half there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from vos.files import write_json
from vos.masks.io import read_index_png
from vos.masks.rle import RleTracks
from vos.segmentation.options import OutputOptions
from vos.segmentation.run_folder import (
    ALPHA,
    ALPHA_VIDEO,
    CONFIDENCE,
    MASKS,
    MEASUREMENTS,
    OVERLAY,
    RLE,
    SOFT,
)
from vos.segmentation.sinks.pictures import CutOuts, MaskFiles, OverlayVideo, SoftFiles
from vos.segmentation.sinks.result import Result, Sink
from vos.segmentation.sinks.tables import ConfidenceTable, MeasurementTable
from vos.video.background import WriteBehind
from vos.video.frames import Frame
from vos.video.writer import VideoWriter

_PICTURE_FPS = 24
"""Frame rate of the overlay where the source, a folder of pictures, has none: DAVIS's."""


_QUEUE = 8


class Outputs(AbstractContextManager["Outputs"]):
    """All outputs of a run, written by a thread.

    Leave the block by an exception and videos are dropped; leave it normally, even early, and
    they are whole up to the last result.

    Args:
        out: the run's folder.
        options: what is written.
        fps: of the source, None if unknown.
        stride: of the frames.
        hold: whether the overlay shows a frame for as long as those after it were dropped.
    """

    def __init__(
        self,
        out: Path,
        options: OutputOptions,
        fps: Fraction | None,
        stride: int,
        *,
        hold: bool = False,
    ) -> None:
        self._out = out
        self._hold_stride = stride if hold else None
        self._options = options
        self._source_fps = fps
        rate = fps / stride if fps else Fraction(_PICTURE_FPS)
        self._fps = Fraction(options.overlay_fps) if options.overlay_fps else rate
        self._masks = MaskFiles(out / MASKS)
        self._confidence: ConfidenceTable | None = None
        self._names: list[str] = []
        self._stack = ExitStack()
        self._writing = WriteBehind(self._write_to_sinks, _QUEUE)

    def __enter__(self) -> Outputs:
        self._sinks: list[Sink] = [self._masks, *self._tables(), *self._videos_and_files()]
        self._writing.start()
        return self

    @property
    def seconds(self) -> float:
        """What writing took so far, in its thread."""
        return self._writing.seconds

    def _tables(self) -> Iterable[Sink]:
        options = self._options
        if options.writes_confidence:
            self._confidence = ConfidenceTable(self._out / CONFIDENCE)
            self._stack.callback(self._confidence.table.close)
            yield self._confidence
        if options.measure:
            measurements = MeasurementTable(self._out / MEASUREMENTS, options, self._source_fps)
            self._stack.callback(measurements.table.close)
            yield measurements

    def _videos_and_files(self) -> Iterable[Sink]:
        options = self._options
        if options.overlay:
            writer = self._stack.enter_context(VideoWriter(self._out / OVERLAY, self._fps))
            yield OverlayVideo(
                writer, options.show_ids, self._hold_stride, mark_unsure=options.mark_unsure
            )
        if options.soft != "none":
            yield SoftFiles(self._out / SOFT, options.soft)
        if options.alpha != "none":
            video = None
            if options.alpha == "video":
                video = VideoWriter(self._out / ALPHA_VIDEO, self._fps, codec="prores")
                self._stack.enter_context(video)
            yield CutOuts(self._out / ALPHA, video)

    @property
    def all_written(self) -> bool:
        """Whether every result is on disk: none failed, and the thread has come to its end."""
        return self._writing.all_written

    def write(self, result: Result, then: Callable[[], None] | None = None) -> None:
        """Hand over a result.

        Args:
            result: the frame's.
            then: called in the thread once all of the result is on disk.

        Raises:
            OSError: an earlier result could not be written.
        """
        if self._writing.error is not None:
            raise self._writing.error
        self._writing.put((result, then))
        self._names.append(result.frame.name)  # after it: a stop may come while it waits

    def replay(self, frame: Frame) -> np.ndarray:
        """Put a frame whose mask is on disk already through the videos, and return its mask.

        Raises:
            InputError: its mask is missing or damaged.
        """
        ids = read_index_png(self._masks.path(frame.name))
        confidence = self._confidence.earlier(frame.index) if self._confidence else {}
        result = Result(frame, ids, None, (), confidence, replayed=True)
        self._writing.put((result, None))
        self._names.append(frame.name)
        return ids

    def _write_to_sinks(self, item: tuple[Result, Callable[[], None] | None]) -> None:
        """Write a result, in the thread."""
        result, then = item
        for sink in self._sinks:
            sink.write(result)
        if then is not None:
            then()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:  # closes the videos, whatever is raised here
            self._writing.close()
            failure = error or self._writing.error
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
