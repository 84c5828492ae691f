"""Whether a folder may become a project, or be opened as one."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from vos.app.project.header import HEADER
from vos.errors import InputError
from vos.files import shortened
from vos.runtime.folder_lock import LOCK

JOURNAL = "journal.jsonl"
STORE = "store"
MASKS = "masks"
PROMPTS = "prompts"
_MAY_BE_THERE = {"cache", "exports", LOCK}


def check_new_folder(folder: Path) -> None:
    """Refuse a folder for a new project that holds anything but a cache and exports.

    Raises:
        InputError: it does, or is no folder.
    """
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder for the project")
    names = sorted(path.name for path in folder.iterdir() if path.name not in _MAY_BE_THERE)
    if HEADER in names:
        raise InputError(f"{folder} holds a project already; open it, or give another folder")
    if names:
        raise InputError(
            f"{folder} holds {shortened(names, 3)}; give a new or an empty folder for the project"
        )
    check_links(folder)


def check_links(folder: Path) -> None:
    """Refuse a folder with a link that leads out of it: through it, other files would be written.

    Raises:
        InputError: there is one, or what should be a plain file is none.
    """
    root = folder.resolve()
    waiting = [root]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    if not Path(entry.path).resolve().is_relative_to(root):
                        raise InputError(
                            f"{entry.path} is a link that leads out of the project; remove it, "
                            "or put what it leads to in its place"
                        )
                elif entry.is_dir():
                    waiting.append(Path(entry.path))
                elif not entry.is_file():
                    raise InputError(f"{entry.path} is neither a file nor a folder; remove it")


def remove_project(folder: Path) -> None:
    """Remove what a project that could not be made has left in its folder."""
    for name in (STORE, MASKS, PROMPTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (JOURNAL, HEADER):
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
