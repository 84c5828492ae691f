"""Plain folders of masks as sequences."""

from __future__ import annotations

from pathlib import Path

from vos.datasets.dataset import Dataset, chosen_names, subfolders
from vos.datasets.sequence import Values, VideoSequence, look_white
from vos.errors import InputError
from vos.files import files_by_name

MASKS = "masks"
"""The folder in which runs keep their masks."""


_RUN = "run.json"


def holds_masks(folder: Path) -> bool:
    """Whether PNG files lie in a folder itself."""
    return any(p.suffix.lower() == ".png" and p.name[0] != "." for p in folder.iterdir())


def masks_folder(folder: Path) -> Path:
    """Return where the masks of a run or sequence lie: in its folder `masks`, or in itself."""
    inner = folder / MASKS
    return inner if inner.is_dir() and not holds_masks(folder) else folder


def open_folders(root: Path, wanted: tuple[str, ...]) -> Dataset:
    """Open a folder of folders of masks, or one folder of masks."""
    if (root / _RUN).is_file() and (root / MASKS).is_dir():
        return open_folders(root / MASKS, wanted)
    names = subfolders(root)
    if not names and holds_masks(root):
        place = root.resolve()
        name = place.parent.name if place.name == MASKS else place.name
        (name,) = chosen_names([name], wanted, str(root))
        return Dataset("one sequence", root, "all", (_guessed(name, place),))
    if not names:
        raise InputError(
            f"{root}: no dataset here. Expected ImageSets (DAVIS), Annotations (YouTube-VOS, "
            "MOSE, LVOS), or one folder of PNG masks for each sequence."
        )
    sequences = tuple(
        _guessed(name, masks_folder(root / name)) for name in chosen_names(names, wanted, str(root))
    )
    return Dataset("folder of sequences", root, "all", sequences)


def _guessed(name: str, folder: Path) -> VideoSequence:
    """Make a sequence from masks alone; masks of 0 and 255 alone are a white object."""
    annotations = files_by_name(folder, {".png"})
    values: Values = "white" if look_white(annotations.values()) else "ids"
    return VideoSequence(name, annotations, values=values, later_objects=True)
