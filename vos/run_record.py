"""`run.json`: what a run was made with, so that it can be believed, repeated and resumed."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from vos._version import __version__
from vos.backbones import Backbone
from vos.config import PropagationConfig
from vos.files import InputError, write_json
from vos.masks import LoadedMask
from vos.outputs import ALPHA, ALPHA_VIDEO, MASKS, OVERLAY, RLE, RUN, SOFT, STATE, OutputOptions

_FOLDERS = (MASKS, SOFT, ALPHA)
_FILES = (OVERLAY, ALPHA_VIDEO, RLE, STATE, RUN)
_PACKAGES = ("torch", "torchvision", "timm", "numpy", "opencv-python-headless", "av", "pillow")

Found = Literal["new", "unfinished", "complete"]


def package_versions() -> dict[str, str]:
    """Return the versions of Python, this project and the packages that results depend on."""
    found = {"python": platform.python_version(), "vos-toolkit": __version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # another build of the same module, such as opencv-python
            found[name] = "not installed under this name"
    return found


@dataclass
class RunRecord:
    """The contents of `run.json`."""

    settings: dict[str, Any]
    """All that the results depend on; a resumed run must have the same."""
    state: str = "running"
    """`running`, `stopped`, `failed` or `complete`."""
    command: list[str] = field(default_factory=lambda: list(sys.argv))
    versions: dict[str, str] = field(default_factory=package_versions)
    machine: str = field(default_factory=platform.platform)
    started: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S%z"))
    results: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        source: str,
        frames: Any,
        prompts: dict[int, LoadedMask],
        backbone: Backbone,
        config: PropagationConfig,
        *,
        outputs: OutputOptions,
    ) -> RunRecord:
        """Describe a run that is about to start; `frames` is a dataclass of the frame range."""
        masks = {
            str(index): {
                "form": mask.form,
                "sha256": hashlib.sha256(mask.ids.tobytes()).hexdigest(),
                "mapping": {str(k): v for k, v in mask.mapping.items()},
            }
            for index, mask in prompts.items()
        }
        return cls(
            {
                "source": source,
                "frames": asdict(frames),
                "masks": masks,
                "backbone": backbone.describe(),
                "propagation": asdict(config),
                "outputs": asdict(outputs),
            }
        )

    def write(self, out: Path) -> None:
        """Write it into the run's folder."""
        write_json(out / RUN, asdict(self))


def check_folder(out: Path, *, resume: bool, overwrite: bool) -> dict[str, Any] | None:
    """Say no to a folder that a run may not write to, before anything costly is done.

    A run that failed before its first mask is nothing to lose, so it may be replaced.

    Returns:
        The record of the earlier run in it, None if there is none.

    Raises:
        InputError: it holds another run and neither `resume` nor `overwrite` is asked for, or
            both are; or it holds files of a run's names without a run's record, which are
            someone else's.
    """
    if resume and overwrite:
        raise InputError("resume and overwrite exclude each other; give one")
    earlier = _read(out)
    if earlier is None:
        _refuse_strange(out)
        return None
    bare = earlier.get("state") == "failed" and not earlier.get("results", {}).get("frames")
    if not (resume or overwrite or bare):
        raise InputError(
            f"{out} holds another run; go on with it (--resume), replace it (--overwrite), or "
            "give another folder"
        )
    return earlier


def prepare_folder(out: Path, record: RunRecord, *, resume: bool, overwrite: bool) -> Found:
    """Make the run's folder ready and say what it holds; of a complete run, take the results.

    Raises:
        InputError: as `check_folder`; or it cannot be written to, or its run had other settings.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the output folder {out} cannot be made: {error.strerror}") from None
    earlier = check_folder(out, resume=resume, overwrite=overwrite)
    found: Found = "new"
    if earlier is not None and resume:
        found = _resumable(out, earlier, record)
    if found == "new":
        _clear(out)
    if earlier is not None and found == "complete":
        record.results = earlier["results"]
    else:
        try:
            record.write(out)
        except PermissionError:
            raise InputError(f"the output folder {out} cannot be written to") from None
    return found


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


def _refuse_strange(out: Path) -> None:
    """Without a record nothing there was written by a run, so nothing may be replaced."""
    strange = [name for name in (*_FOLDERS, *_FILES) if (out / name).exists()]
    if strange:
        raise InputError(
            f"{out} holds {', '.join(strange)} but no {RUN}, so they are not of a run and are left "
            "alone; move them away, or give another folder"
        )


def _resumable(out: Path, earlier: dict[str, Any], record: RunRecord) -> Found:
    before = earlier.get("settings", {})
    now = json.loads(json.dumps(record.settings))
    changed = sorted(k for k in {*before, *now} if before.get(k) != now.get(k))
    if changed:
        told = "; ".join(_difference(k, before.get(k), now.get(k)) for k in changed)
        raise InputError(
            f"the run in {out} cannot be resumed, its settings differ ({told}). Give the same "
            "settings, or --overwrite"
        )
    if earlier.get("state") == "complete":
        return "complete"
    _remove_parts(out)
    return "unfinished" if (out / STATE).is_file() else "new"


def _difference(name: str, before: Any, now: Any) -> str:
    """Say how a setting differs; of a group of settings, those that do."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return f"{name}: {before} before, {now} now"
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    sides = ({key: side.get(key) for key in keys} for side in (before, now))
    return "{}: {} before, {} now".format(name, *sides)


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
