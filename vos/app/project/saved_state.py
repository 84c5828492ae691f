"""A project as it is on the disk, without opening it for changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vos.app.project.entries import Value
from vos.app.project.header import ProjectHeader
from vos.app.project.history import History
from vos.app.project.storage.folder import JOURNAL, STORE, check_links
from vos.app.project.storage.journal import journal_records
from vos.app.project.storage.mask_store import MaskStore
from vos.errors import InputError


@dataclass(frozen=True)
class SavedState:
    """What a project's folder holds at one moment."""

    header: ProjectHeader
    state: dict[str, Value]
    """Flat keys and their values."""
    mask: Callable[[str], NDArray[np.uint8]]
    """Gives a mask (H, W) by its digest; raises as `MaskStore.get`."""


def read_saved(folder: Path) -> SavedState:
    """Read a project; nothing is written, and a page may have it open.

    Raises:
        InputError: the folder is no project, or damaged, or has links out of it.
    """
    header = ProjectHeader.read(folder)
    check_links(folder)
    path = folder / JOURNAL
    if not path.is_file():
        raise InputError(f"{path} is missing, and with it all changes")
    history = History()
    for number, record, _ in journal_records(path):
        try:
            history.replay(record)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
    return SavedState(header, dict(history.state.entries()), MaskStore(folder / STORE).get)
