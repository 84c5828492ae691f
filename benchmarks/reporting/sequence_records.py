"""The records of a run's sequences in its folder, kept while its settings are the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.reporting.run_files import RUN
from benchmarks.reporting.run_settings import earlier_settings, require_same
from vos.errors import InputError

SEQUENCES = "sequences"
_WAY_OUT = "--overwrite"


def prepare_records(
    out: Path,
    settings: Mapping[str, Any],
    *,
    overwrite: bool,
    defaults: Mapping[str, Any],
    stale: Sequence[str],
) -> None:
    """Make a folder ready for a run; records of one with the same settings stay.

    Args:
        out: the run's folder.
        settings: the run's.
        overwrite: remove all records.
        defaults: groups of settings whose defaults stand for what an older run did not record.
        stale: names of files that are of the records together, and are removed.

    Raises:
        InputError: the folder cannot be made, or holds a run with other settings.
    """
    records = out / SEQUENCES
    if overwrite:
        shutil.rmtree(records, ignore_errors=True)
    elif (earlier := earlier_settings(out, _WAY_OUT)) is not None:
        now = json.loads(json.dumps(settings))
        require_same(out, earlier, now, _WAY_OUT, defaults)
    elif records.is_dir():
        raise InputError(
            f"{records} holds figures of which no {RUN} says how they were made; give another "
            f"folder, or {_WAY_OUT}"
        )
    try:
        records.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the output folder {out} cannot be made: {error.strerror}") from None
    for name in stale:
        (out / name).unlink(missing_ok=True)
