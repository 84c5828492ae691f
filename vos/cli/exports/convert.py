"""`vos convert`: the masks of a run or a project in the formats of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vos.app.exports.formats import ExportOptions, checked_formats
from vos.errors import InputError
from vos.files import shortened
from vos.runtime.progress import CountProgress
from vos.video.frame_range import FrameRange, ReadingOptions

if TYPE_CHECKING:
    from vos.app.exports.source import ExportSource

Objects = dict[int, tuple[str, tuple[int, int, int]]]
"""Name and colour of objects by id."""


@dataclass(frozen=True)
class Convert:
    """Write masks in the formats of other programs, one file for each format.

    They are those of a run of vos segment, or of a project of vos app as it is now.

    Formats: masks, overlay, youtube-vos, coco, cut-outs, cut-outs-video, cvat, yolo, labelme,
    measurements, confidence. Polygons give back the masks to the pixel; what a format cannot hold
    is said. Videos, cut-outs, measurements and --pictures need the frames, and projects always do.

    Example: vos convert runs/clip --to cvat,yolo -o exported
    """

    run_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder that vos segment wrote, or a project's folder of vos app."""
    to: str
    """Formats, separated by commas."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write to."""
    video: str | None = None
    """Where the frames are now, if they were moved."""
    name: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Name of an object by its id, as 1=person; may be repeated. By default it is "object 1",
    or the project's name of it."""
    overwrite: bool = False
    """Replace files that are there already."""
    options: Annotated[ExportOptions, tyro.conf.arg(name="export")] = field(
        default_factory=ExportOptions
    )
    reading: ReadingOptions = field(default_factory=ReadingOptions)

    def run(self) -> int:
        """Export, and say where the files are and what they could not hold."""
        formats = checked_formats([name.strip() for name in self.to.split(",") if name.strip()])
        objects = _objects(self.name)
        from vos.app.exports.export import export, file_of

        with ExitStack() as stack:
            source, frames = self._opened(stack, objects)
            self._check([self.out / file_of(form, source.name) for form in formats], frames)
            files = export(
                [form.name for form in formats],
                source,
                self.out,
                options=self.options,
                frames=frames,
                on_frame=CountProgress(stack, "convert"),
            )
        for file in files:
            print(f"{file.format}: {file.path}")
            for sentence in file.losses:
                print(f"  {sentence}")
        return 0

    def _opened(self, stack: ExitStack, objects: Objects) -> tuple[ExportSource, FrameRange]:
        """Open the folder of a run or a project; return its masks, and how the frames are read."""
        from vos.app.exports.run_source import RunSource
        from vos.app.exports.sources.project_source import project_masks
        from vos.app.project.header import HEADER
        from vos.segmentation.run_folder import RUN

        folder, video, reading = self.run_folder, self.video, self.reading
        if (folder / HEADER).is_file() and not (folder / RUN).is_file():
            project = project_masks(folder, video=video, reading=reading, objects=objects)
            return stack.enter_context(project)
        run = RunSource(folder, video=video, reading=reading, objects=objects)
        return stack.enter_context(run), run.frames

    def _check(self, files: Sequence[Path], frames: FrameRange) -> None:
        """Refuse files that are in the way, and lengths of pixels that are not the source's."""
        if self.out.exists() and not self.out.is_dir():
            raise InputError(f"{self.out} is no folder; give the folder to write to")
        in_the_way = [file.name for file in files if file.exists()]
        if in_the_way and not self.overwrite:
            raise InputError(
                f"{self.out} holds {shortened(in_the_way)} already; replace it (--overwrite), or "
                "give another folder"
            )
        if self.options.pixel_size is not None and frames.max_size is not None:
            raise InputError(
                f"the pixel size is {self.options.pixel_size}, but the run's frames were shrunk "
                f"(max size {frames.max_size}), so a pixel is larger; measure without --pixel-size"
            )


def _objects(given: Sequence[str]) -> Objects:
    """Return name and colour by id, from `1=person`.

    Raises:
        InputError: one is not of this form, or two are of one object.
    """
    from vos.masks.ids import MAX_ID
    from vos.masks.palette import DAVIS_PALETTE

    objects: Objects = {}
    for text in given:
        number, equals, name = text.partition("=")
        if not (number.isdecimal() and equals and name.strip() and 1 <= int(number) <= MAX_ID):
            raise InputError(
                f"{text!r} names no object; expected its id, from 1 to {MAX_ID}, and a name: "
                "1=person"
            )
        if int(number) in objects:
            raise InputError(f"two names are given for object {int(number)}; give one")
        red, green, blue = map(int, DAVIS_PALETTE[int(number)])
        objects[int(number)] = (name, (red, green, blue))
    return objects
