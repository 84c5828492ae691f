"""What a command line names, as sources."""

from __future__ import annotations

from pathlib import Path

from vos.app.server.sources.places import recorded_source
from vos.app.server.sources.roots import PROJECT_RECORD, RUN_RECORD
from vos.app.server.sources.source import SourceSpec
from vos.errors import InputError
from vos.video.images import source_kind


def given_source(
    video: str, *, project: Path | None = None, max_size: int | None = None
) -> SourceSpec:
    """Return the source of a video, of a folder of `vos segment`, or of a project's folder.

    Raises:
        InputError: there is no such file, or it is a camera or a stream.
    """
    path = Path(video)
    if (path / PROJECT_RECORD).is_file():
        return project_alone(path)
    if (path / RUN_RECORD).is_file():
        return SourceSpec(recorded_source(path), path.absolute().name, project, run=path)
    if source_kind(video) in ("camera", "stream"):
        raise InputError(
            f"{video}: the page takes files, as their frames are read in any order; record it first"
        )
    return SourceSpec(video, path.absolute().name, project, max_size=max_size, is_given=True)


def project_alone(folder: Path) -> SourceSpec:
    """Return the source that a project or a run names; whether it may be read is seen later.

    Raises:
        InputError: the folder is no project, or what it is of is not there.
    """
    if (folder / RUN_RECORD).is_file() and not (folder / PROJECT_RECORD).is_file():
        return SourceSpec(recorded_source(folder), folder.absolute().name, run=folder)
    video = recorded_source(folder)
    return SourceSpec(video, Path(video).name, project=folder)
