"""BADJA in its published layout: joints of animals in videos of DAVIS.

B. Biggs et al., "Creatures Great and SMAL: Recovering the Shape and Motion of Animals from Video",
ACCV 2018 (arXiv 1811.05804).

    joint_annotations/<video>.json      a list of annotated frames: image_path, segmentation_path,
                                        joints as (row, column), visibility
    DAVIS/JPEGImages/<resolution>/<video>/*.jpg
    DAVIS/Annotations/<resolution>/<video>/*.png

Shape letters: T frames, N joints, H W pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.datasets.dataset import chosen_names, incomplete
from vos.datasets.points.point_video import PointDataset, PointVideo, frame_files, picture_size
from vos.errors import InputError
from vos.files import shortened

VIDEOS = ("bear", "camel", "cows", "dog-agility", "dog", "horsejump-high", "horsejump-low")
"""The videos of the published figures; the set's extra_videos are not among them."""
JOINTS = (8, 9, 10, 12, 13, 14, 15, 18, 19, 20, 22, 23, 24, 25, 28, 31, 32, 33, 35, 36)
"""Places of the scored joints in the lists of the JSON files."""
SKELETON = ((0, 1), (1, 2), (3, 4), (4, 5), (7, 8), (8, 9), (10, 11), (11, 12), (13, 14), (14, 15))
"""The legs and the tail."""
RESOLUTIONS = ("Full-Resolution", "1080p", "480p")
_FULL_SIZE = (1920, 1080)  # of the seven videos in DAVIS's Full-Resolution
_MARGIN = 0.05  # of a side; a visible joint further outside is of another picture
_ASPECT_TOLERANCE = 0.01  # 480p frames are 854 pixels wide, not 853.3


@dataclass(frozen=True)
class AnimalVideo(PointVideo):
    """A video with joints, and the masks whose areas are the scale of its errors."""

    masks: Mapping[int, Path] = field(default_factory=dict, repr=False)
    """Mask file by frame, of the annotated frames."""


@dataclass(frozen=True)
class _Annotation:
    """What a JSON file says of one frame."""

    frame: str
    rows_columns: NDArray[np.float64]
    """(N, 2)"""
    visible: NDArray[np.bool_]
    """(N,)"""


def open_badja(
    root: str | Path,
    *,
    davis: Sequence[Path] = (),
    resolution: str | None = None,
    sequences: tuple[str, ...] = (),
) -> PointDataset[AnimalVideo]:
    """Open BADJA: its seven videos, or the wanted ones.

    A video runs over all frames from its first annotated one to its last. Positions are pixels of
    the pictures that the JSON names, which are DAVIS's Full-Resolution.

    Args:
        root: the folder with `joint_annotations`, or with the JSON files themselves.
        davis: folders of DAVIS to look for frames and masks in; by default `DAVIS` in the root.
        resolution: of DAVIS's folders; by default the first of `RESOLUTIONS` that a video has.
        sequences: names of videos.

    Raises:
        InputError: something is missing or of another form; the message lists all of it.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder. Give the folder of BADJA.")
    folder = root / "joint_annotations" if (root / "joint_annotations").is_dir() else root
    there = [path.stem for path in folder.glob("*.json") if path.name[0] != "."]
    known = [*VIDEOS, *sorted(set(there) - set(VIDEOS))]
    names = chosen_names(known, sequences, str(folder)) if sequences else list(VIDEOS)
    places = tuple(davis) or (root / "DAVIS", root.parent / "DAVIS")
    resolutions = RESOLUTIONS if resolution is None else (resolution,)
    videos, problems = [], []
    for name in names:
        try:
            annotations = read_annotations(folder / f"{name}.json")
            videos.append(_video(name, annotations, places, resolutions))
        except InputError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise incomplete(f"{root}: BADJA is not complete", problems, "BADJA")
    names_of_joints = tuple(f"joint {number}" for number in JOINTS)
    return PointDataset("BADJA", root, "DAVIS videos", tuple(videos), names_of_joints, SKELETON)


def read_annotations(path: Path) -> list[_Annotation]:
    """Read the annotated frames of a video in order.

    Raises:
        InputError: the file is missing or of another form, or has no visible joint.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        annotations = [_annotation(entry) for entry in entries]
    except FileNotFoundError:
        raise InputError(f"no file {path}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path}: expected BADJA's JSON, a list of {{image_path, segmentation_path, joints, "
            f"visibility}} ({error!r})"
        ) from None
    annotations.sort(key=lambda annotation: int(annotation.frame))
    if not any(annotation.visible.any() for annotation in annotations[1:]):
        raise InputError(f"{path}: no joint is visible after the first annotated frame")
    return annotations


def _annotation(entry: Mapping[str, Any]) -> _Annotation:
    """Check one entry of a JSON file.

    Raises:
        KeyError, TypeError, ValueError: it is of another form.
    """
    joints = np.asarray(entry["joints"], np.float64)
    visible = np.asarray(entry["visibility"])
    least = JOINTS[-1] + 1
    if joints.ndim != 2 or joints.shape[1] != 2 or len(joints) < least:
        raise ValueError(f"joints of shape {joints.shape}; expected at least {least} x 2")
    if visible.shape != joints.shape[:1] or not np.isin(visible, (0, 1)).all():
        raise ValueError(f"visibility of shape {visible.shape} for {len(joints)} joints")
    if not np.isfinite(joints).all():
        raise ValueError("joints that are no numbers")
    frame = PurePosixPath(entry["image_path"]).stem
    if not frame.isdecimal():
        raise ValueError(f"image_path {entry['image_path']!r} names no numbered frame")
    scored = np.array(JOINTS)
    return _Annotation(frame, joints[scored], visible.astype(bool)[scored])


def _video(
    name: str,
    annotations: Sequence[_Annotation],
    places: Sequence[Path],
    resolutions: Sequence[str],
) -> AnimalVideo:
    pictures, masks = _folders(name, places, resolutions)
    by_number = {int(path.stem): path for path in frame_files(pictures) if path.stem.isdecimal()}
    first, last = int(annotations[0].frame), int(annotations[-1].frame)
    if lacking := [number for number in range(first, last + 1) if number not in by_number]:
        raise InputError(f"no pictures of the frames {shortened(lacking)} in {pictures}")
    frames = tuple(by_number[number] for number in range(first, last + 1))
    absent = [a.frame for a in annotations if not (masks / f"{a.frame}.png").is_file()]
    if absent:
        raise InputError(f"no masks of the frames {shortened(absent)} in {masks}")
    size = _annotated_size(picture_size(frames[0]), frames[0])
    positions = np.zeros((len(frames), len(JOINTS), 2))
    visible = np.zeros((len(frames), len(JOINTS)), bool)
    for annotation in annotations:
        t = int(annotation.frame) - first
        positions[t] = annotation.rows_columns[:, ::-1]  # (row, column) -> (x, y)
        visible[t] = annotation.visible
    margin = _MARGIN * np.array(size)
    outside = visible & ~((positions >= -margin) & (positions <= size + margin)).all(-1)
    if outside.any():
        t, joint = np.argwhere(outside)[0]
        raise InputError(
            f"joint {JOINTS[joint]} is visible at (row, column) {tuple(positions[t, joint, ::-1])} "
            f"of frame {first + t}, outside of a picture of {size[0]}x{size[1]} (width x height)"
        )
    files = {int(a.frame) - first: masks / f"{a.frame}.png" for a in annotations}
    return AnimalVideo(name, frames, size, positions, visible, files)


def _folders(name: str, places: Sequence[Path], resolutions: Sequence[str]) -> tuple[Path, Path]:
    """Find the folders of a video's frames and masks."""
    for resolution in resolutions:
        for place in places:
            kinds = ("JPEGImages", "Annotations")
            pictures, masks = (place / kind / resolution / name for kind in kinds)
            if pictures.is_dir() and masks.is_dir():
                return pictures, masks
    looked = ", ".join(str(place) for place in places)
    raise InputError(
        f"no frames and masks of it in {looked}; expected JPEGImages/{resolutions[0]}/{name} and "
        f"Annotations/{resolutions[0]}/{name}"
    )


def _annotated_size(size: tuple[int, int], frame: Path) -> tuple[int, int]:
    """Return (width, height) of the pictures that joints were marked on."""
    if frame.parent.parent.name in ("Full-Resolution", "1080p"):
        return size
    aspect, expected = size[0] / size[1], _FULL_SIZE[0] / _FULL_SIZE[1]
    if abs(aspect / expected - 1) > _ASPECT_TOLERANCE:
        raise InputError(
            f"{frame} is {size[0]}x{size[1]} pixels; its joints are of a picture of "
            f"{_FULL_SIZE[0]}x{_FULL_SIZE[1]}, which has another shape. Give DAVIS's "
            "Full-Resolution"
        )
    return _FULL_SIZE


def read_foreground(path: Path) -> NDArray[np.bool_]:
    """Read the part of a mask file (H, W) whose area is the scale: colours with red in them.

    In DAVIS's palette these are the objects 1, 3, 5 and so on: the published figures leave out
    object 2, which is green.

    Raises:
        InputError: it cannot be read as a picture.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))[..., 0] > 0
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: not a readable image ({error})") from error
