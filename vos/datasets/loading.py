"""Folders of the field's benchmarks as sequences: the layout is recognised.

What is missing is found when a folder is opened, and said all at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vos.datasets.dataset import Dataset, incomplete
from vos.datasets.davis import DavisRelease, open_davis
from vos.datasets.folders import open_folders
from vos.datasets.task import Task
from vos.datasets.youtube_vos import open_split, split_folder
from vos.errors import InputError


def load_dataset(
    root: str | Path,
    subset: str = "val",
    *,
    task: Task = "semi-supervised",
    year: int = 2017,
    resolution: str = "480p",
    sequences: Iterable[str] = (),
    images: bool = True,
) -> Dataset:
    """Open a benchmark's folder; its layout is recognised.

    Args:
        root: a DAVIS folder (with ImageSets); a YouTube-VOS, MOSE or LVOS folder (JPEGImages and
            Annotations, directly or in a folder for each split); or a folder of sequences, each
            a folder of PNG masks. A folder of PNG masks is one sequence.
        subset: the set: train, val, test-dev and so on.
        task: unsupervised takes the annotations of DAVIS 2019 (Annotations_unsupervised).
        year: 2016 makes all objects of a DAVIS sequence one.
        resolution: of DAVIS: 480p, Full-Resolution (2017) or 1080p (2016).
        sequences: names of the sequences to take; empty takes all of the set.
        images: the frames are needed too, not the masks alone.

    Raises:
        InputError: something is missing; the message lists all of it, and where to get it.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder. Give a dataset's folder or a folder of masks.")
    wanted = tuple(sequences)
    if (root / "ImageSets").is_dir():
        dataset = open_davis(DavisRelease(root, subset, task, year, resolution), wanted)
        kind = "DAVIS"
    elif split := split_folder(root, subset):
        dataset = open_split(split, subset, wanted)
        kind = "split"
    else:
        dataset = open_folders(root, wanted)
        kind = "plain"
    problems = [f"{s.name}: no annotations" for s in dataset.sequences if not s.annotations]
    if images:
        problems = [text for s in dataset.sequences for text in s.problems()]
    if problems:
        what = f"{root}: {dataset.name}, set {dataset.subset}, is not complete"
        raise incomplete(what, problems, kind)
    return dataset
