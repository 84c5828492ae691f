"""Masks packed for the server of a benchmark whose truth is withheld.

YouTube-VOS (N. Xu et al., arXiv 1809.03327) takes `Annotations/<video>/<frame>.png`; MOSE (H. Ding
et al., arXiv 2302.01872) and DAVIS's test sets (J. Pont-Tuset et al., arXiv 1704.00675) take
`<sequence>/<frame>.png`.
"""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from vos.datasets.dataset import Dataset
from vos.errors import InputError
from vos.files import atomic_path

_EARLIEST = (1980, 1, 1, 0, 0, 0)


def check_submission(path: Path) -> None:
    """See before any mask is made that the zip file can be written.

    Raises:
        InputError: the name is not that of a zip file, or nothing can be written there.
    """
    if path.suffix.lower() != ".zip" or path.is_dir():
        kind = "a folder" if path.is_dir() else "not the name of a zip file"
        raise InputError(f"--submission {path}: {kind}; give a file, such as submission.zip")
    nearest = next(place for place in path.absolute().parents if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"--submission {path}: nothing can be written to {nearest}; give another")


def pack_submission(path: Path, dataset: Dataset, masks: Path) -> int:
    """Pack the masks of all frames in the layout of the dataset's server.

    Masks are PNGs, which are not compressed once more. The same masks give the same file.

    Args:
        path: the zip file; an earlier one is replaced.
        dataset: the set that the masks are of.
        masks: the folder with a folder of masks for each sequence.

    Returns:
        How many masks are in it.

    Raises:
        InputError: a mask is missing.
        OSError: the file cannot be written.
    """
    prefix = "Annotations/" if dataset.name == "YouTube-VOS" else ""
    names = [f"{s.name}/{frame}.png" for s in dataset.sequences for frame in s.frame_names]
    missing = [name for name in names if not (masks / name).is_file()]
    if missing:
        raise InputError(f"{masks}: {len(missing)} masks are missing, the first {missing[0]}")
    with atomic_path(path) as beside, ZipFile(beside, "w", ZIP_STORED) as archive:
        for name in names:
            archive.writestr(ZipInfo(prefix + name, _EARLIEST), (masks / name).read_bytes())
    return len(names)
