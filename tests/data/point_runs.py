"""Small runs of `vos-bench jhmdb`, `vip`, `badja` and `tap-vid` for their tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.data.davis import bench

BACKBONE = ("--backbone", "efficientnet_lite0", "--device", "cpu", "--precision", "fp32")
SMALL = (*BACKBONE, "--input-height", "320", "--input-width", "320")


def run_verb(verb: str, data: Path, out: Path, *arguments: object) -> int:
    """Run a verb with a small input of the network, in one thread, as runs beside it are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return bench(verb, "--data", data, "-o", out, *SMALL, *arguments)
    finally:
        torch.set_num_threads(before)


def load(path: Path) -> dict[str, Any]:
    """Read a JSON file."""
    contents: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return contents


def tracks_of(out: Path) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of all videos of a run."""
    found = {}
    for path in sorted((out / "tracks").rglob("*.npz")):
        with np.load(path) as stored:
            found[str(path.relative_to(out))] = {name: stored[name] for name in stored.files}
    return found


def assert_same_tracks(a: Path, b: Path) -> None:
    """Compare the tracks of two runs to the last digit."""
    first, second = tracks_of(a), tracks_of(b)
    assert first and first.keys() == second.keys()
    for name, arrays in first.items():
        for key, values in arrays.items():
            np.testing.assert_array_equal(values, second[name][key], err_msg=f"{name} {key}")


def assert_same_scores(a: Path, b: Path) -> None:
    """Compare all that `results.json` of two runs says of scores."""
    first, second = (load(out / "results.json") for out in (a, b))
    for timed in (first, second):
        del timed["speed"]
    assert first == second
