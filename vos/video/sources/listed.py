"""A list of picture files as a source, one a frame."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from vos.errors import InputError
from vos.video.images import refuse_same_names


def listed_files(source: Sequence[str | Path]) -> list[Path]:
    """Return the files of a list as paths.

    Raises:
        InputError: the list is empty, a file is missing, or two have one name.
    """
    paths = [Path(path) for path in source]
    if not paths:
        raise InputError("the list of frames is empty; expected picture files, one a frame")
    for path in paths:
        if not path.is_file():
            raise InputError(
                f"{path}: no such file; it is one of the {len(paths)} picture files listed as "
                "frames"
            )
    refuse_same_names(paths)
    return paths


def list_name(paths: Sequence[Path]) -> str:
    """Say in words what a list of files is: their common folder and number."""
    try:
        folder = Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:  # relative and absolute ones, or several drives
        folder = paths[0].parent
    return f"{folder} (pictures listed: {len(paths)})"
