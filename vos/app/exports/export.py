"""The masks of a video in several formats at once, in one pass over its frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vos.app.exports import run_outputs
from vos.app.exports.cvat import CvatWriter
from vos.app.exports.formats import (
    ExportFormat,
    ExportOptions,
    checked_formats,
    frames_needed,
)
from vos.app.exports.labelme import LabelmeWriter
from vos.app.exports.labels import ObjectLabels, file_stem
from vos.app.exports.packing import flush, pack, working_folder
from vos.app.exports.source import ExportSource, MarkedFrame, Writer
from vos.app.exports.yolo import YoloWriter
from vos.errors import InputError
from vos.masks.ids import object_ids
from vos.segmentation.sinks.result import Result
from vos.video.frame_range import FrameRange
from vos.video.frames import Frame

OnFrame = Callable[[int, int], None]
"""Called after each frame with (frames done, frames in all)."""
_PICTURE_FPS = 24
_NO_PICTURE = np.zeros((0, 0, 3), np.uint8)


class ExportStoppedError(Exception):
    """An export was stopped because it was asked to; nothing of it is left."""


@dataclass(frozen=True)
class ExportedFile:
    """One file that an export has written."""

    path: Path
    losses: list[str]
    """Sentences on what the format could not hold of the masks; empty where it holds all."""
    format: str


def export(
    formats: Sequence[str],
    source: ExportSource,
    out: Path,
    *,
    options: ExportOptions | None = None,
    frames: FrameRange | None = None,
    on_frame: OnFrame | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[ExportedFile]:
    """Write the masks of a video in the formats asked for, a file each.

    Files are named `<source>-<format>` with the format's ending, and replace what is there. They
    appear together once all are whole; if the export fails or is stopped, none does. Frames
    without a mask are left out; videos show them as they are, and cut-out videos nothing.

    Args:
        formats: names of `FORMATS`.
        source: frames, masks and objects.
        out: the folder to write to.
        options: see `ExportOptions`.
        frames: which frames; its `max_size` changes nothing.
        on_frame: told of progress.
        should_stop: asked before each frame and each file that is packed.

    Returns:
        The files, in the order of the formats.

    Raises:
        InputError: an unknown format, no frame with a mask, a mask of another size than the
            others, or a frame with a mask that cannot be read.
        ExportStoppedError: `should_stop` said so.
        OSError: a file cannot be written.
    """
    chosen = checked_formats(formats)
    job = _Job(
        chosen,
        source,
        options or ExportOptions(),
        frames or FrameRange(),
        should_stop or (lambda: False),
    )
    with working_folder(out) as folder:
        files = job.write(folder, on_frame or (lambda _done, _total: None))
        job.check()
        for file in files:
            flush(file.path)
        return [
            ExportedFile(file.path.replace(out / file.path.name), file.losses, file.format)
            for file in files
        ]


def file_of(form: ExportFormat, name: str) -> str:
    """Return the name of the file that an export writes of a source of that name."""
    return f"{file_stem(name)}-{form.name}{form.extension}"


class _Job:
    """One export."""

    def __init__(
        self,
        formats: Sequence[ExportFormat],
        source: ExportSource,
        options: ExportOptions,
        frames: FrameRange,
        should_stop: Callable[[], bool],
    ) -> None:
        self._formats = formats
        self._source = source
        self._options = options
        self._frames = frames
        self._should_stop = should_stop
        self._labels = ObjectLabels(source.objects)
        self._objects = tuple(sorted(source.objects))
        self._reads_frames = frames_needed(formats, options)
        self._unreadable = 0
        rate = source.fps / frames.stride if source.fps else Fraction(_PICTURE_FPS)
        self._fps = Fraction(options.overlay_fps) if options.overlay_fps else rate

    def check(self) -> None:
        """Stop where that is asked for."""
        if self._should_stop():
            raise ExportStoppedError("the export was stopped")

    def write(self, folder: Path, on_frame: OnFrame) -> list[ExportedFile]:
        """Write all files into a folder of their own, and pack them."""
        with ExitStack() as stack:
            writers = {form.name: self._writer(form, stack, folder) for form in self._formats}
            self._pass(list(writers.values()), on_frame)
        for writer in writers.values():
            writer.finish()
        return [
            ExportedFile(self._packed(form, folder), self._losses(form, writer), form.name)
            for form, writer in zip(self._formats, writers.values(), strict=True)
        ]

    def _pass(self, writers: Sequence[Writer], on_frame: OnFrame) -> None:
        numbers = self._frames.indexes(self._source.count, self._source.name)
        any_mask = False
        for done, number in enumerate(numbers, 1):
            self.check()
            ids = self._source.ids(number)
            if ids is None:
                self._pass_unmarked(number, writers)
            else:
                any_mask = True
                self._pass_marked(number, ids, writers)
            on_frame(done, len(numbers))
        if not any_mask:
            raise InputError(
                f"{self._source.name}: no frame has a mask, so there is nothing to export; "
                "make a mask and propagate it first"
            )

    def _pass_marked(self, number: int, ids: np.ndarray, writers: Sequence[Writer]) -> None:
        if ids.shape != tuple(self._source.size):
            raise InputError(
                f"{self._source.name}: the mask of frame {number} is {ids.shape[1]}x{ids.shape[0]} "
                f"pixels, expected {self._source.size[1]}x{self._source.size[0]} (width x height)"
            )
        self._labels.add_missing(object_ids(ids))
        frame = self._named(number)
        if self._reads_frames:
            frame = self._source.frame(number)
        if self._reads_frames and frame.image.shape[:2] != ids.shape:
            raise InputError(
                f"{self._source.name}: frame {number} is {frame.image.shape[1]}x"
                f"{frame.image.shape[0]} pixels and its mask {ids.shape[1]}x{ids.shape[0]}; the "
                "masks are not of this video"
            )
        certainty = self._source.confidence(number)
        marked = MarkedFrame(Result(frame, ids, None, self._objects, certainty))
        for writer in writers:
            writer.write(marked)

    def _pass_unmarked(self, number: int, writers: Sequence[Writer]) -> None:
        """Show a frame without mask; one that cannot be read is left out, as runs do."""
        frame = self._named(number)
        if self._reads_frames:
            try:
                frame = self._source.frame(number)
            except InputError:
                self._unreadable += 1
                return
        for writer in writers:
            writer.write_unmarked(frame)

    def _named(self, number: int) -> Frame:
        """Return a frame without its picture.

        Raises:
            InputError: its name is that of no file.
        """
        name = self._source.frame_name(number)
        if not name or name in {".", ".."} or set(name) & set("/\\\0"):
            raise InputError(f"frame {number} is called {name!r}, which no file can be")
        return Frame(name, number, None, _NO_PICTURE)

    def _target(self, form: ExportFormat, folder: Path) -> Path:
        return folder / file_of(form, self._source.name)

    def _writer(self, form: ExportFormat, stack: ExitStack, folder: Path) -> Writer:
        """Return the writer of a format."""
        target, files = self._target(form, folder), folder / form.name
        source, labels, options = self._source, self._labels, self._options
        pictures = options.pictures != "none"
        if form.extension in {".zip", ".xml"}:
            files.mkdir()
        makers: dict[str, Callable[[], Writer]] = {
            "masks": lambda: run_outputs.mask_files(files),
            "overlay": lambda: run_outputs.overlay(stack, target, self._fps, labels, options),
            "youtube-vos": lambda: run_outputs.RleWriter(target, source.name, labels, youtube=True),
            "coco": lambda: run_outputs.RleWriter(target, source.name, labels, youtube=False),
            "cut-outs": lambda: run_outputs.cut_out_files(files),
            "cut-outs-video": lambda: run_outputs.cut_out_video(stack, target, self._fps),
            "cvat": lambda: CvatWriter(files, source, labels),
            "yolo": lambda: YoloWriter(files, labels, pictures=pictures),
            "labelme": lambda: LabelmeWriter(
                files, labels, pictures=pictures, suffix=source.picture_suffix
            ),
            "measurements": lambda: run_outputs.measurements(stack, target, source.fps, options),
            "confidence": lambda: run_outputs.confidence(stack, target),
        }
        return makers[form.name]()

    def _packed(self, form: ExportFormat, folder: Path) -> Path:
        """Return the format's one file."""
        target, files = self._target(form, folder), folder / form.name
        if form.extension == ".zip":
            pack(files, target, self.check)
        elif form.name == "cvat":
            (files / "annotations.xml").replace(target)
        return target

    def _losses(self, form: ExportFormat, writer: Writer) -> list[str]:
        losses = writer.losses()
        if self._unreadable and form.extension in {".mp4", ".mov"}:
            frames = "1 frame" if self._unreadable == 1 else f"{self._unreadable} frames"
            losses.append(f"{frames} without masks cannot be read and left out of the video.")
        return losses
