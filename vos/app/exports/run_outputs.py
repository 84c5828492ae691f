"""The outputs that a run has too, through its own sinks: masks, videos, tables, codes."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import numpy as np

from vos.app.exports.formats import ExportOptions
from vos.app.exports.labels import ObjectLabels
from vos.app.exports.losses import MaskLosses
from vos.app.exports.source import MarkedFrame
from vos.files import write_json
from vos.masks.rle import RleTracks
from vos.segmentation.run_folder import ALPHA, MASKS
from vos.segmentation.sinks.pictures import CutOuts, MaskFiles, OverlayVideo
from vos.segmentation.sinks.result import Result, Sink
from vos.segmentation.sinks.tables import ConfidenceTable, MeasurementTable
from vos.video.frames import Frame
from vos.video.writer import VideoWriter


class SinkWriter:
    """A sink of a run as a format of an export; nothing of the masks is lost in it.

    Args:
        sink: what takes the results.
        unmarked: whether it takes frames without masks too, as frames without objects.
    """

    def __init__(self, sink: Sink, *, unmarked: bool = False) -> None:
        self._sink = sink
        self._unmarked = unmarked

    def write(self, marked: MarkedFrame) -> None:
        """Hand the frame on."""
        self._sink.write(marked.result)

    def write_unmarked(self, frame: Frame) -> None:
        """Hand a video the frame as it is; leave it out elsewhere."""
        if self._unmarked:
            empty = np.zeros(frame.image.shape[:2], np.uint8)
            self._sink.write(Result(frame, empty, None, ()))

    def finish(self) -> None:
        """Nothing is left to write: the stack that opened the sink closes it."""

    def losses(self) -> list[str]:
        """Return nothing."""
        return []


class RleWriter:
    """Writes run-length codes; `objects` beside them holds names and colours.

    Args:
        path: the file.
        video: the video's name.
        labels: the objects' names.
        youtube: the video form of YouTube-VOS; COCO's otherwise.
    """

    def __init__(self, path: Path, video: str, labels: ObjectLabels, *, youtube: bool) -> None:
        self._path = path
        self._video = video
        self._labels = labels
        self._youtube = youtube
        self._tracks = RleTracks()
        self._losses = MaskLosses()

    def write(self, marked: MarkedFrame) -> None:
        """Code a frame's mask."""
        self._losses.add_void(marked)
        self._tracks.add(marked.name, marked.result.ids)

    def write_unmarked(self, frame: Frame) -> None:
        """Leave the frame out: a null would say that no object is there."""

    def finish(self) -> None:
        """Write the file."""
        tracks = self._tracks
        document = tracks.youtube_vos(self._video) if self._youtube else tracks.coco()
        objects = [
            {"id": i, "name": self._labels.name(i), "color": list(self._labels.color(i))}
            for i in self._labels.ids
        ]
        write_json(self._path, {**document, "objects": objects})

    def losses(self) -> list[str]:
        """Say what became of void."""
        return self._losses.void()


def mask_files(folder: Path) -> SinkWriter:
    """Return the writer of indexed PNG files."""
    return SinkWriter(MaskFiles(folder / MASKS))


def overlay(
    stack: ExitStack, path: Path, fps: Fraction, labels: ObjectLabels, options: ExportOptions
) -> SinkWriter:
    """Return the writer of the overlay video, in the objects' colours; the stack closes it."""
    writer = stack.enter_context(VideoWriter(path, fps))
    sink = OverlayVideo(writer, options.show_ids, palette=labels.palette())
    return SinkWriter(sink, unmarked=True)


def cut_out_files(folder: Path) -> SinkWriter:
    """Return the writer of RGBA pictures."""
    return SinkWriter(CutOuts(folder / ALPHA, None))


def cut_out_video(stack: ExitStack, path: Path, fps: Fraction) -> SinkWriter:
    """Return the writer of a ProRes 4444 video with alpha; the stack closes it."""
    writer = stack.enter_context(VideoWriter(path, fps, codec="prores"))
    return SinkWriter(CutOuts(path.parent, writer), unmarked=True)


def measurements(
    stack: ExitStack, path: Path, fps: Fraction | None, options: ExportOptions
) -> SinkWriter:
    """Return the writer of measurements; the stack closes it."""
    sink = MeasurementTable(path, options.as_outputs(), fps)
    stack.callback(sink.table.close)
    return SinkWriter(sink)


def confidence(stack: ExitStack, path: Path) -> SinkWriter:
    """Return the writer of confidences; the stack closes it."""
    sink = ConfidenceTable(path)
    stack.callback(sink.table.close)
    return SinkWriter(sink)
