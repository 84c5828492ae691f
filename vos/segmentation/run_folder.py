"""The folder of a run: what it holds, whether a run may write to it, and made ready for one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from vos.errors import InputError
from vos.runtime.folder_lock import require_unlocked
from vos.segmentation.run_settings import settings_difference
from vos.segmentation.source_fingerprint import SourceFingerprint
from vos.video.reader import FrameReader

MASKS = "masks"
OVERLAY = "overlay.mp4"
RUN = "run.json"
STATE = "state.safetensors"
SOFT = "soft"
RLE = "rle.json"
ALPHA = "alpha"
ALPHA_VIDEO = "alpha.mov"
CONFIDENCE = "confidence.csv"
MEASUREMENTS = "measurements.csv"
PASSES = ".passes"
"""Folder of what one pass leaves for another; there until the run is complete."""
TRACKS = "tracks.csv"
BACKWARD = "backward.csv"
"""Of an unfinished run over points: the tracks before the points' own frames."""


_FOLDERS = (MASKS, SOFT, ALPHA, PASSES)
_FILES = (
    OVERLAY, ALPHA_VIDEO, RLE, CONFIDENCE, MEASUREMENTS, TRACKS, BACKWARD, STATE, RUN,
)  # fmt: skip
FolderState = Literal["new", "unfinished", "complete"]


@dataclass(frozen=True)
class EarlierRun:
    """What a folder that was made ready holds of an earlier run."""

    state: FolderState
    """`new`: nothing, the run starts; `unfinished`: a state to go on from; `complete`: all."""
    record: Mapping[str, Any] | None = None
    """The contents of a complete run's `run.json`."""


def check_folder(out: Path, *, resume: bool, overwrite: bool) -> dict[str, Any] | None:
    """Say no to a folder that a run may not write to, before anything costly is done.

    A run that failed before its first mask is nothing to lose, so it may be replaced.

    Returns:
        The record of the earlier run in it, None if there is none.

    Raises:
        InputError: it holds another run and neither `resume` nor `overwrite` is asked for, or
            both are; or it holds files of a run's names without a run's record, which are
            someone else's; or another process works in it.
    """
    require_unlocked(out)
    return _checked(out, resume=resume, overwrite=overwrite)


def _checked(out: Path, *, resume: bool, overwrite: bool) -> dict[str, Any] | None:
    if resume and overwrite:
        raise InputError("resume and overwrite exclude each other; give one")
    earlier = _read(out)
    if earlier is None:
        _refuse_foreign(out)
        return None
    frames = earlier.get("results", {}).get("frames")
    empty = earlier.get("state") == "failed" and not frames and not (out / PASSES).is_dir()
    if not (resume or overwrite or empty):
        raise InputError(
            f"{out} holds another run; go on with it (--resume), replace it (--overwrite), or "
            "give another folder"
        )
    return earlier


def make_folder(out: Path) -> None:
    """Make the folder where it is not there.

    Raises:
        InputError: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the output folder {out} cannot be made: {error.strerror}") from None


def prepare_folder(
    out: Path,
    settings: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any],
    fingerprint: SourceFingerprint | None,
    resume: bool,
    overwrite: bool,
) -> EarlierRun:
    """Make the folder ready for a run and say what it holds of an earlier one.

    Args:
        out: the folder.
        settings: all that the run's results depend on, beside the source's contents.
        defaults: the groups of settings whose defaults are known; see `settings_difference`.
        fingerprint: the source's contents; None of a camera or stream.
        resume: go on with the run in it.
        overwrite: replace the run in it.

    Raises:
        InputError: as `check_folder`; or it cannot be made, or its run cannot be resumed, as its
            settings or its source were others.
    """
    make_folder(out)
    earlier = _checked(out, resume=resume, overwrite=overwrite)
    state: FolderState = "new"
    if earlier is not None and resume:
        _require_same_settings(out, earlier["settings"], settings, defaults)
        _require_same_source(out, earlier["settings"], fingerprint)
        state = _resumable(out, earlier)
    if state == "new":
        _clear(out)
    return EarlierRun(state, earlier if state == "complete" else None)


def frames_kept(out: Path) -> tuple[int, bool]:
    """Return how many masks a run has left in its folder, and whether it can be resumed there.

    A run that was stopped in a pass before its last one can be resumed without any mask.
    """
    if not (out / RUN).is_file():
        return 0, False
    masks = [path for path in (out / MASKS).glob("*.png") if not path.name.startswith(".")]
    return len(masks), _has_state(out)


def _read(out: Path) -> dict[str, Any] | None:
    try:
        loaded = json.loads((out / RUN).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{out / RUN} cannot be read ({error}); give another folder") from None
    if not isinstance(loaded, dict) or "settings" not in loaded:
        raise InputError(f"{out / RUN} is not the record of a run; give another folder")
    return loaded


def _refuse_foreign(out: Path) -> None:
    """Without a record nothing there was written by a run, so nothing may be replaced."""
    foreign = [name for name in (*_FOLDERS, *_FILES) if (out / name).exists()]
    if foreign:
        raise InputError(
            f"{out} holds {', '.join(foreign)} but no {RUN}, so they are not of a run and are left "
            "alone; move them away, or give another folder"
        )


def _require_same_settings(
    out: Path, before: Mapping[str, Any], now: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    contents = {"fingerprint"}  # compared by itself, as far as the earlier run came
    changed = settings_difference(
        {name: value for name, value in before.items() if name not in contents},
        {name: value for name, value in now.items() if name not in contents},
        defaults,
    )
    if changed:
        listed = "; ".join(f"{name}: {a} before, {b} now" for name, (a, b) in changed.items())
        raise InputError(
            f"the run in {out} cannot be resumed, its settings differ ({listed}). Give the same "
            "settings, or --overwrite"
        )


def _require_same_source(
    out: Path, settings: Mapping[str, Any], fingerprint: SourceFingerprint | None
) -> None:
    """Refuse a source with other contents; records of version 0.1 do not say what they were."""
    before = settings.get("fingerprint")
    if before is None or fingerprint is None:
        return
    change = fingerprint.change_since(before)
    if change is not None:
        raise InputError(
            f"the run in {out} cannot be resumed, its source has changed: {change}. Replace the "
            "run (--overwrite), or give another folder"
        )


def _resumable(out: Path, earlier: Mapping[str, Any]) -> FolderState:
    if earlier.get("state") == "complete":
        return "complete"
    _remove_parts(out)
    return "unfinished" if _has_state(out) else "new"


def _has_state(out: Path) -> bool:
    """Whether a run can go on: in its only or last pass, or in one before that."""
    return (out / STATE).is_file() or (out / PASSES).is_dir()


def _remove_parts(out: Path) -> None:
    """Remove the half-written files of a process that was killed."""
    files = [out.glob(f".{Path(n).stem}.*.part{Path(n).suffix}") for n in _FILES]
    folders = [(out / name).rglob(".*.part*") for name in _FOLDERS]
    for part in chain(*files, *folders):
        part.unlink()


def _clear(out: Path) -> None:
    """Remove what a run writes, and nothing else."""
    _remove_parts(out)
    for name in _FOLDERS:
        shutil.rmtree(out / name, ignore_errors=True)
    for name in _FILES:  # the record last: while it is there, the rest can be told to be a run's
        (out / name).unlink(missing_ok=True)


def refuse_resuming(reader: FrameReader, *, is_resumed: bool) -> None:
    """Refuse to go on with frames of which nothing tells whether they are still the same.

    Raises:
        InputError: the frames were given, not read, and there is an earlier run.
    """
    if reader.kind == "arrays" and is_resumed:
        raise InputError(
            f"{reader.source}: a run of given frames cannot be resumed, since nothing tells that "
            "they are the same; start again with overwrite, or write the frames to files"
        )
