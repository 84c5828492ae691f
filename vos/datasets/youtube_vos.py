"""The layout that YouTube-VOS, MOSE and LVOS share: a folder a split.

YouTube-VOS (N. Xu et al., arXiv 1809.03327).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vos.datasets.dataset import Dataset, chosen_names, sequence_of_files, subfolders
from vos.errors import InputError
from vos.files import natural_key
from vos.masks.ids import MAX_ID

_SPLIT_NAMES = {"val": ("val", "valid", "validation"), "valid": ("valid", "val", "validation")}


def split_folder(root: Path, subset: str) -> Path | None:
    """Find the folder of a split in the layout that YouTube-VOS, MOSE and LVOS share."""
    for name in ("", *_SPLIT_NAMES.get(subset, (subset,))):
        if (root / name / "Annotations").is_dir():
            return root / name
    return None


def open_split(folder: Path, subset: str, wanted: tuple[str, ...]) -> Dataset:
    """Open a split: JPEGImages, Annotations and, in YouTube-VOS, meta.json."""
    masks, pictures = folder / "Annotations", folder / "JPEGImages"
    meta = folder / "meta.json"
    videos = _meta(meta)
    names = sorted(videos) or subfolders(masks)
    sequences = tuple(
        sequence_of_files(
            name, masks, pictures, later_objects=True, starts=_starts(videos, name, meta)
        )
        for name in chosen_names(names, wanted, str(folder))
    )
    return Dataset("YouTube-VOS" if videos else "split layout", folder, subset, sequences)


def _meta(path: Path) -> dict[str, Any]:
    """Read the videos of a meta.json; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        return dict(videos)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: expected YouTube-VOS's JSON with an object `videos` ({error!r})"
        ) from error


def _starts(videos: Mapping[str, Any], name: str, path: Path) -> dict[int, str] | None:
    """Return the first frame of each object that a meta.json gives, or None."""
    try:
        return _first_frames(videos.get(name, {}).get("objects", {}))
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: video {name}: expected `objects`, an object of ids from 1 to {MAX_ID}, each "
            f'with a list `frames` of names, as {{"1": {{"frames": ["00000"]}}}} ({error})'
        ) from error


def _first_frames(objects: Mapping[str, Any]) -> dict[int, str] | None:
    """Return the first frame of each object; None where not all say their frames.

    Raises:
        AttributeError, TypeError, ValueError: an entry is of another form.
    """
    frames = {int(number): entry.get("frames") for number, entry in objects.items()}
    if strange := [number for number in frames if not 1 <= number <= MAX_ID]:
        raise ValueError(f"an object of id {strange[0]}")
    if not frames or not all(frames.values()):
        return None
    for names in frames.values():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"frames {str(names)[:80]}")
    return {number: min(names, key=natural_key) for number, names in frames.items()}
