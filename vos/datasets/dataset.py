"""A set of sequences, and what opening one of any layout shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vos.datasets.sequence import VideoSequence
from vos.errors import InputError
from vos.files import FRAME_SUFFIXES, files_by_name, natural_key, shortened

_WAYS_OUT = {
    "DAVIS": "Download from https://davischallenge.org/davis2017/code.html (DAVIS 2016: "
    "https://davischallenge.org/davis2016/code.html)",
    "split": "Download from the dataset's own page the images and annotations of this split",
    "JHMDB": "Download Rename_Images, joint_positions and splits from "
    "http://jhmdb.is.tue.mpg.de/challenge/JHMDB/datasets",
    "VIP": "Download VIP_Fine from https://sysu-hcp.net/lip/overview.php (Video Multi-Person Human "
    "Parsing)",
    "BADJA": "Download joint_annotations from https://github.com/benjiebob/BADJA, and DAVIS 2017's "
    "Full-Resolution from https://davischallenge.org/davis2017/code.html",
    "TAP-Vid": "Download tapvid_davis.zip, linked at https://github.com/google-deepmind/tapnet",
    "plain": "Give a dataset's folder, or one that holds a folder of PNG masks for each sequence",
}


@dataclass(frozen=True)
class Dataset:
    """The sequences of one set of a benchmark."""

    name: str
    """The benchmark, such as "DAVIS 2017"."""
    root: Path
    subset: str
    """The set's name, such as "val"; "all" for a plain folder."""
    sequences: tuple[VideoSequence, ...]

    @property
    def frame_count(self) -> int:
        """Frames in all sequences."""
        return sum(len(sequence.frame_names) for sequence in self.sequences)

    @property
    def withheld(self) -> bool:
        """Whether the set has prompts alone: its truth is kept by a server that scores masks."""
        return all(sequence.prompts_only for sequence in self.sequences)


def incomplete(what: str, problems: list[str], kind: str) -> InputError:
    """Make the error that lists what a dataset lacks, and where to get it."""
    listed = "".join(f"\n  - {text}" for text in problems[:50])
    more = f"\n  - and {len(problems) - 50} more" if len(problems) > 50 else ""
    return InputError(f"{what}:{listed}{more}\n{_WAYS_OUT[kind]}.")


def sequence_of_files(name: str, masks: Path, pictures: Path | None, **known: Any) -> VideoSequence:
    """Collect the files of one sequence; a folder that is not there has none."""
    listed = partial(_listed, name=name)
    images = listed(pictures, suffixes=FRAME_SUFFIXES) if pictures else {}
    annotations = listed(masks, suffixes={".png"})
    return VideoSequence(name, annotations, tuple(images.values()), **known)


def _listed(parent: Path, name: str, suffixes: Iterable[str]) -> dict[str, Path]:
    return files_by_name(parent / name, suffixes) if (parent / name).is_dir() else {}


def subfolders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, hidden ones left out, in natural order."""
    names = [p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != "."]
    return sorted(names, key=natural_key)


def chosen_names(names: list[str], wanted: tuple[str, ...], where: str) -> list[str]:
    """Return the wanted names in the set's order; all of them if none is named."""
    if unknown := [name for name in wanted if name not in names]:
        raise InputError(
            f"{where}: no sequences {shortened(unknown)}; there are {shortened(names, 30)}"
        )
    return [name for name in names if name in wanted or not wanted]
