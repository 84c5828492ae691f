"""Plain folders of masks as sequences."""

from __future__ import annotations

from pathlib import Path

from vos.datasets.dataset import Dataset, chosen_names, sequence_of_files, subfolders
from vos.datasets.sequence import VideoSequence, looks_white
from vos.errors import InputError


def open_folders(root: Path, wanted: tuple[str, ...]) -> Dataset:
    """Open a folder of folders of masks, or one folder of masks."""
    names = subfolders(root)
    if not names and any(root.glob("*.png")):
        (name,) = chosen_names([root.resolve().name], wanted, str(root))
        return Dataset("one sequence", root, "all", (_guessed(name, root.resolve().parent),))
    if not names:
        raise InputError(
            f"{root}: no dataset here. Expected ImageSets (DAVIS), Annotations (YouTube-VOS, "
            "MOSE, LVOS), or one folder of PNG masks for each sequence."
        )
    sequences = tuple(_guessed(name, root) for name in chosen_names(names, wanted, str(root)))
    return Dataset("folder of sequences", root, "all", sequences)


def _guessed(name: str, root: Path) -> VideoSequence:
    """Make a sequence from masks alone; a first mask of 0 and 255 alone is a white object."""
    sequence = sequence_of_files(name, root, None, later_objects=True)
    first = next(iter(sequence.annotations.values()), None)
    if first is None or not looks_white(first):
        return sequence
    return sequence_of_files(name, root, None, later_objects=True, values="white")
