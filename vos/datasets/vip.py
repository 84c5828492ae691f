"""VIP in its published layout: people whose parts are labelled, a frame in every 25.

Q. Zhou et al., "Adaptive Temporal Encoding Network for Video Instance-level Human Parsing", ACM
Multimedia 2018. The folder is `VIP_Fine`:

    Images/<video>/*.jpg
    Annotations/Category_ids/<video>/*.png      indexed, 20 classes, background included
    lists/val_videos.txt                        a line a video
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vos.datasets.dataset import Dataset, chosen_names, incomplete, sequence_of_files
from vos.datasets.sequence import VideoSequence
from vos.errors import InputError
from vos.files import shortened
from vos.masks.ids import VOID

PARTS = (
    "background", "hat", "hair", "gloves", "sunglasses", "upper clothes", "dress", "coat", "socks",
    "pants", "torso skin", "scarf", "skirt", "face", "left arm", "right arm", "left leg",
    "right leg", "left shoe", "right shoe",
)  # fmt: skip


def open_vip(root: str | Path, subset: str = "val", *, sequences: tuple[str, ...] = ()) -> Dataset:
    """Open a set of VIP: all of its videos, or the wanted ones.

    Args:
        root: the folder `VIP_Fine`, or the one that it lies in.
        subset: "val" or "train".
        sequences: names of videos, such as "videos7".

    Raises:
        InputError: something is missing or of another form; the message lists all of it.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder. Give the folder VIP_Fine of VIP.")
    if (root / "VIP_Fine").is_dir():
        root = root / "VIP_Fine"
    images, masks = root / "Images", root / "Annotations" / "Category_ids"
    listing = root / "lists" / f"{subset}_videos.txt"
    absent = [f"no folder {folder}" for folder in (images, masks) if not folder.is_dir()]
    absent += [] if listing.is_file() else [f"no file {listing}"]
    if absent:
        raise incomplete(f"{root}: VIP is not complete", absent, "VIP")
    listed = [line.strip() for line in listing.read_text(encoding="utf-8").splitlines()]
    names = chosen_names([name for name in listed if name], sequences, str(listing))
    if not names:
        raise InputError(f"{listing}: names no video")
    videos = tuple(sequence_of_files(name, masks, images) for name in names)
    if problems := [text for video in videos for text in _problems(video)]:
        raise incomplete(f"{root}: VIP, set {subset}, is not complete", problems, "VIP")
    return Dataset("VIP", root, subset, videos)


def _problems(video: VideoSequence) -> list[str]:
    """Say what makes a video unusable: no files, other sizes, classes that VIP does not have."""
    if problems := video.problems():
        return problems
    first = next(iter(video.annotations))
    try:
        classes = np.unique(video.read_annotation(first))
    except InputError as error:
        return [str(error)]
    strange = [int(c) for c in classes if len(PARTS) <= c < VOID]
    if strange:
        return [
            f"{video.name}: {video.annotations[first]} holds classes {shortened(strange)}; VIP "
            f"has 0 to {len(PARTS) - 1} (these may be Instance_ids or Human_ids)"
        ]
    if not set(classes.tolist()) - {0, VOID}:
        return [f"{video.name}: {video.annotations[first]} holds no part, so none can be tracked"]
    return []
