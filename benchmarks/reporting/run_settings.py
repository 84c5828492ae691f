"""The settings of an earlier run in a folder: a run goes on only with the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.reporting.run_files import RUN
from vos.errors import InputError
from vos.segmentation.run_settings import settings_difference


def earlier_settings(out: Path, way_out: str) -> dict[str, Any] | None:
    """Return the settings of the run in a folder; None where there is none.

    Args:
        out: the run's folder.
        way_out: what to advise besides another folder, such as "--overwrite".

    Raises:
        InputError: its record cannot be read.
    """
    path = out / RUN
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["settings"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read as the record of a run ({error!r}); give another folder, "
            f"or {way_out}"
        ) from None


def require_same(
    out: Path,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    way_out: str,
    defaults: Mapping[str, Any],
) -> None:
    """Refuse other settings. Weights are known by their hash: their file may have moved.

    Args:
        out: the run's folder.
        before: the settings of the run there.
        now: those of this run, as JSON would give them back.
        way_out: what to advise besides another folder, such as "--overwrite".
        defaults: groups of settings whose defaults stand for what an older run did not record.

    Raises:
        InputError: they differ.
    """
    changed = settings_difference(_without_place(before), _without_place(now), defaults)
    if changed:
        lines = [_difference_text(name, *sides) for name, sides in changed.items()]
        raise InputError(
            f"{out} holds a run with other settings ({'; '.join(lines)}). Give another folder, "
            f"the same settings, or {way_out}"
        )


def _without_place(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out where the weights lie, where their hash says what they are."""
    backbone = settings.get("backbone")
    if not isinstance(backbone, dict) or not backbone.get("sha256"):
        return dict(settings)
    return {**settings, "backbone": {k: v for k, v in backbone.items() if k != "source"}}


def _difference_text(name: str, before: Any, now: Any) -> str:
    """Say how a setting differs; of a group, each of those that do by itself."""
    if isinstance(before, dict) and isinstance(now, dict):
        return "; ".join(f"{name}.{key}: {before[key]} before, {now[key]} now" for key in before)
    return f"{name}: {before} before, {now} now"
