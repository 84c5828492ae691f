"""The options of a run: which masks, how they may differ, and what is written beside the masks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vos.errors import InputError
from vos.files import IMAGE_SUFFIXES, files_by_name


@dataclass(frozen=True)
class PromptRules:
    """How masks may differ from what is expected of them."""

    snap_mask: bool = False
    """Give pixels with stray values (anti-aliased edges, JPEG) the nearest of the main values."""
    trust_mask: bool = False
    """Take ids as they are: no object is too thin, and 255 is void (ignored) wherever it is."""
    resize_mask: bool = False
    """Resize masks of another size than their frame, if they have its aspect."""
    rotate_mask: Literal[0, 90, 180, 270] = 0
    """Turn the masks clockwise by so many degrees."""
    invert_mask: bool = False
    """Take the background of masks with one object as the object."""


@dataclass(frozen=True)
class PassOptions:
    """Which ways a run goes through the frames."""

    direction: Literal["auto", "forward", "both"] = "auto"
    """forward: from the first frame on, and frames before the first mask are empty; both: back
    from the masks too, and frames between two masks are merged from both sides; auto: both where
    the first frame has no mask."""


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
    confidence: bool = False
    """Write confidence.csv: how sure each object's mask is in every frame, 0 to 1, and whether
    the object is absent."""
    mark_unsure: float | None = None
    """On the overlay, frame in orange what has an object with a confidence below this, and name
    the object. Writes confidence.csv too."""
    measure: bool = False
    """Write measurements.csv: area, centroid, box and perimeter of each object in every frame."""
    pixel_size: float | None = None
    """Length of a pixel's side; measurements are in that unit then, and in pixels otherwise."""
    pixel_unit: str | None = None
    """Name of the unit of the pixel size, such as um or mm; columns carry it."""
    measure_fps: float | None = None
    """Frames per second at which the source was recorded, for the times of the measurements; by
    default the source's own time stamps count, and pictures have no times."""

    def __post_init__(self) -> None:
        """Check the numbers, and that options of one output come with it.

        Raises:
            InputError: one is out of its range, or is for an output that is not asked for.
        """
        for name in ("overlay_fps", "measure_fps"):
            rate = getattr(self, name)
            if rate is not None and not 0 < rate < float("inf"):
                shown = name.replace("_", " ")
                raise InputError(f"{shown} is {rate}; expected frames per second")
        if self.mark_unsure is not None:
            if not 0 < self.mark_unsure <= 1:
                raise InputError(
                    f"mark unsure is {self.mark_unsure}; expected a confidence above 0, up to 1"
                )
            if not self.overlay:
                raise InputError("mark unsure is for the overlay, which is not written")
        self._check_measuring()

    def _check_measuring(self) -> None:
        alone = [n for n in ("pixel_size", "pixel_unit", "measure_fps") if getattr(self, n)]
        if alone and not self.measure:
            raise InputError(f"{alone[0].replace('_', ' ')} is for measurements; add --measure")
        if self.pixel_size is not None and not 0 < self.pixel_size < float("inf"):
            raise InputError(f"pixel size is {self.pixel_size}; expected a length above 0")
        if self.pixel_unit is None:
            return
        if self.pixel_size is None:
            raise InputError(
                f"pixel unit is {self.pixel_unit}, but no pixel size is given; add --pixel-size"
            )
        if not re.fullmatch(r"[^\W\d_]{1,12}", self.pixel_unit):
            raise InputError(f"pixel unit is {self.pixel_unit!r}; expected letters, such as um")

    @property
    def needs_confidence(self) -> bool:
        """Whether an output holds the objects' confidence."""
        return self.writes_confidence or self.measure

    @property
    def writes_confidence(self) -> bool:
        """Whether confidence.csv is written."""
        return self.confidence or self.mark_unsure is not None

    @property
    def length_unit(self) -> str:
        """The unit of measurements, px for pixels."""
        return "px" if self.pixel_size is None else self.pixel_unit or "unit"


def ways_to_a_mask(video: str) -> str:
    """Say how to make the mask that a run starts from."""
    return (
        "no mask was given; give --mask FILE for the first frame, or --mask 40:FILE for frame 40. "
        "Ways to make one:\n"
        f"  1. vos frame {shlex.quote(video)} -n 0 -o frame.png writes the frame to draw on.\n"
        "  2. In a paint program, open it and draw each object in a plain colour of its own on a "
        "transparent\n     layer above it, with a hard brush; save that layer alone as PNG. Add "
        "--snap-mask for soft edges.\n"
        "  3. Or outline the objects in LabelMe and give its .json, or in CVAT and give its .xml.\n"
        "  4. Or give a mask of another program: ids as a gray or indexed picture or .npy, black "
        "and white,\n     or COCO .json.\n"
        "All forms are in `vos segment --help` at --mask. vos demo runs without a mask of yours."
    )


PROJECT = "project.json"
"""The file that makes a folder a project of `vos app`."""
_PROMPTS = "prompts"


def parse_masks(specs: Sequence[str]) -> dict[int | str | None, Path]:
    """Read `first.png`, `45:later.png`, `frame_45:later.png`, a project; None is the first frame.

    A number without leading zeros is given as one, everything else as text. What is a file's name
    as a whole is a mask for the first frame. A project of `vos app` stands for its prompts.

    Raises:
        InputError: no mask, or two for one frame.
    """
    if not specs:
        raise InputError("no mask was given; give --mask FILE for the first frame")
    paths: dict[int | str | None, Path] = {}
    for spec in specs:
        keyed = None if Path(spec).exists() else re.fullmatch(r"([^:/\\]+):(.+)", spec)
        key: int | str | None = keyed[1] if keyed else None
        if isinstance(key, str) and re.fullmatch(r"0|[1-9][0-9]*", key):
            key = int(key)
        named: Mapping[Any, Path] = {key: Path(keyed[2] if keyed else spec)}
        if keyed is None and is_project(Path(spec)):
            named = masks_of_project(Path(spec))
        for frame, path in named.items():
            if frame in paths:
                shown = (
                    "the first frame"
                    if frame is None
                    else f"frame {str(frame).removeprefix('stem=')}"
                )
                raise InputError(f"two masks for {shown}: {paths[frame]} and {path}")
            paths[frame] = path
    return paths


def is_project(folder: Path) -> bool:
    """Whether a folder is a project of `vos app`, or the folder of its prompts."""
    return (folder / PROJECT).is_file() or (
        folder.name == _PROMPTS and (folder.parent / PROJECT).is_file()
    )


def masks_of_project(folder: Path) -> dict[str, Path]:
    """Return the prompts of a project of `vos app`, each for the frame that it is named as.

    Args:
        folder: the project, or its folder `prompts`.

    Returns:
        `stem=NAME`, as the keys of masks are, and the file.

    Raises:
        InputError: there is none, or there are two of one name.
    """
    masks = folder / _PROMPTS if (folder / PROJECT).is_file() else folder
    files = files_by_name(masks, IMAGE_SUFFIXES) if masks.is_dir() else {}
    if not files:
        raise InputError(
            f"{folder}: the project has no prompts yet; open it (vos app --project) and mark an "
            "object on a frame"
        )
    return {f"stem={name}": path for name, path in files.items()}


def is_project_prompt(path: Path) -> bool:
    """Say whether a mask's file is one of the prompts of a project of `vos app`.

    Its values are ids as they stand, however thin an object is.
    """
    return path.parent.name == _PROMPTS and (path.parent.parent / PROJECT).is_file()
