"""The formats that masks can be exported in, and the options of an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vos.errors import InputError
from vos.files import shortened
from vos.segmentation.options import OutputOptions


@dataclass(frozen=True)
class ExportFormat:
    """One format."""

    name: str
    title: str
    holds: str
    """What is in it, in a sentence."""
    extension: str
    """Of the exported file, with the dot."""
    needs_frames: bool = False
    """Whether the frames' pictures or times are needed."""


FORMATS: dict[str, ExportFormat] = {
    form.name: form
    for form in (
        ExportFormat("masks", "Masks (indexed PNG)", "A PNG of object ids for each frame.", ".zip"),
        ExportFormat(
            "overlay", "Overlay video", "The video with the masks drawn over it.", ".mp4", True
        ),
        ExportFormat(
            "youtube-vos", "YouTube-VOS (run lengths)", "A track of codes for each object.", ".json"
        ),
        ExportFormat(
            "coco", "COCO (run lengths)", "An annotation for each object of each frame.", ".json"
        ),
        ExportFormat(
            "cut-outs", "Cut-outs", "The objects on transparent ground, as pictures.", ".zip", True
        ),
        ExportFormat(
            "cut-outs-video", "Cut-outs (ProRes 4444)", "The same as a video with alpha.", ".mov",
            True,
        ),
        ExportFormat(
            "cvat", "CVAT for video 1.1", "A track of polygons for each object.", ".xml"
        ),
        ExportFormat(
            "yolo", "YOLO segmentation", "A text file of polygons for each frame.", ".zip"
        ),
        ExportFormat("labelme", "LabelMe", "A JSON file of polygons for each frame.", ".zip"),
        ExportFormat(
            "measurements", "Measurements", "Area, place and border of each object.", ".csv", True
        ),
        ExportFormat("confidence", "Confidence", "How sure each object's mask is.", ".csv"),
    )
}  # fmt: skip
"""By name; the order is that of menus."""
WITH_PICTURES = frozenset({"yolo", "labelme"})
"""Formats that can hold the frames' pictures beside the annotations."""


@dataclass(frozen=True)
class ExportOptions:
    """How masks are exported."""

    show_ids: bool = False
    """Write each object's id on the overlay."""
    overlay_fps: float | None = None
    """Frames per second of the videos; the source's own by default, 24 for pictures."""
    pictures: Literal["none", "png"] = "none"
    """Write the frames beside the annotations of YOLO and LabelMe, as PNG."""
    pixel_size: float | None = None
    """Length of a pixel's side; measurements are in that unit then, and in pixels otherwise."""
    pixel_unit: str | None = None
    """Name of the unit of the pixel size, such as um or mm; columns carry it."""
    measure_fps: float | None = None
    """Frames per second at which the source was recorded, for the times of the measurements; by
    default the source's own time stamps count, and pictures have no times."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            InputError: one is out of its range.
        """
        self.as_outputs()

    def as_outputs(self) -> OutputOptions:
        """Return what a run would be given for the same videos and measurements.

        Raises:
            InputError: a number is out of its range.
        """
        return OutputOptions(
            show_ids=self.show_ids,
            overlay_fps=self.overlay_fps,
            measure=True,
            pixel_size=self.pixel_size,
            pixel_unit=self.pixel_unit,
            measure_fps=self.measure_fps,
        )


def checked_formats(names: Sequence[str]) -> list[ExportFormat]:
    """Return the formats of these names, each once, in the order given.

    Raises:
        InputError: none is given, or one is unknown.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        given = f"no format is called {shortened(unknown)}" if unknown else "no format was given"
        raise InputError(f"{given}; the formats are: {', '.join(FORMATS)}")
    return [FORMATS[name] for name in dict.fromkeys(names)]


def frames_needed(formats: Sequence[ExportFormat], options: ExportOptions) -> bool:
    """Whether an export has to read the frames' pictures."""
    return any(
        form.needs_frames or (form.name in WITH_PICTURES and options.pictures != "none")
        for form in formats
    )
