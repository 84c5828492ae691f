"""Reference files by what they hold, whatever their names are."""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np

SHARED = Path(
    os.environ.get("VOS_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
REFERENCE = Path(os.environ.get("VOS_REFERENCE_DIR", SHARED / "reference"))


@cache
def load(path):
    """All arrays of a reference, and its settings."""
    with np.load(path, allow_pickle=False) as arrays:
        loaded = {name: arrays[name] for name in arrays.files}
    return loaded, json.loads(str(loaded["settings_json"]))


def files_with(*names):
    """References that have arrays of these names; `*` at the start stands for anything."""

    def has(path):
        with np.load(path, allow_pickle=False) as arrays:
            return all(
                any(a == name or (name[0] == "*" and a.endswith(name[1:])) for a in arrays.files)
                for name in ("settings_json", *names)
            )

    return [path for path in sorted(REFERENCE.glob("*.npz")) if has(path)]


def file_id(path):
    return path.stem
