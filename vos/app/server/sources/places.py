"""Where a source's project lies, and what is checked of a project before it is opened."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vos.app.server.answers import ConflictError, RequestError
from vos.app.server.sources.roots import PROJECT_RECORD, RUN_RECORD
from vos.errors import InputError
from vos.runtime.folder_lock import require_unlocked

PROJECT_ENDING = ".vos-project"
_HEADER_BYTES = 1 << 20
_NAME_LETTERS = 120


def data_folder() -> Path:
    """Return where the page keeps uploads, its demo clip and projects without another place."""
    root = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(root) / "vos"


def uploads_folder() -> Path:
    """Return where files lie that the page sent, each in a folder named after its time."""
    return data_folder() / "uploads"


def project_folder(source: str) -> Path:
    """Return where a source's project lies.

    Beside the source, as `clip.mp4.vos-project`; where that folder cannot be written to, or the
    source is a pattern, in the user's data folder.
    """
    path = Path(source).absolute()
    beside = path.with_name(path.name + PROJECT_ENDING)
    if path.exists() and (beside.exists() or os.access(path.parent, os.W_OK)):
        return beside
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    return data_folder() / "projects" / f"{safe_name(path.name)}-{digest}{PROJECT_ENDING}"


def safe_name(name: str) -> str:
    """Return a file's name without folders, control letters, leading dots and excess length."""
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r'[^\w.,+()\- ]|["\']', "_", last).strip(" .")
    stem, ending = Path(plain).stem, Path(plain).suffix[:10]
    return f"{stem[: _NAME_LETTERS - len(ending)]}{ending}" or "file"


def new_upload(name: str) -> Path:
    """Return where an uploaded file is written: in a folder of its own, which is made."""
    stamp = time.strftime("%Y-%m-%d %H.%M.%S")
    folder = uploads_folder() / f"{stamp} {secrets.token_hex(2)}"
    folder.mkdir(parents=True, mode=0o700)
    return folder / safe_name(name)


def check_project(folder: Path) -> None:
    """Check a project's folder before it is opened.

    Raises:
        ConflictError: another process works in it.
        RequestError: it holds links, which may lead anywhere.
    """
    try:
        require_unlocked(folder)
    except InputError as error:
        raise ConflictError(f"the project is open elsewhere: {error}") from None
    if folder.is_symlink():
        raise RequestError(f"the project {folder} is a link; give the folder itself")
    for link in _links(folder):
        raise RequestError(
            f"the project holds a link, {link}, which no project has; it may lead to any file, so "
            "the project is not opened"
        )


def _links(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                yield entry.path
            elif entry.is_dir():
                yield from _links(Path(entry.path))


def recorded_source(folder: Path) -> str:
    """Return the source that a project's header or a run's record names, as an absolute path.

    Raises:
        InputError: the record cannot be read, or names none.
    """
    for name in (PROJECT_RECORD, RUN_RECORD):
        record = folder / name
        if record.is_file() and not record.is_symlink():
            return _source_of(_read(record), record)
    raise InputError(f"{folder} is neither a project of vos app nor a folder of vos segment")


def _read(record: Path) -> Any:
    if record.stat().st_size > _HEADER_BYTES:
        raise InputError(f"{record} is too long for a record")
    try:
        return json.loads(record.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(f"{record} cannot be read: {error}") from None


def _source_of(record: Any, place: Path) -> str:
    values = record if isinstance(record, dict) else {}
    value = values.get("source") or _mapping(values.get("settings")).get("source")
    if isinstance(value, dict):
        value = value.get("path")
    if not isinstance(value, str) or not value or "\0" in value:
        raise InputError(f"{place} does not say which video it is of")
    path = Path(value)
    if path.is_absolute():
        return value
    beside = place.parent / path
    return str(beside if place.name == PROJECT_RECORD or beside.exists() else path.absolute())


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
