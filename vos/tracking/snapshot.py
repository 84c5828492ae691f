"""The state of an unfinished run over points on disk, so that another process goes on alike.

A safetensors file: labels and positions, and the rest as JSON in its header.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from vos.errors import InputError
from vos.propagation.memory import ContextState
from vos.propagation.snapshot import write_state
from vos.tracking.point_tracker import GroupState, PointTrackerState

FORMAT = 1
"""Number of the form of the file."""


def save_point_state(path: str | Path, state: PointTrackerState) -> None:
    """Write a tracker's state, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    groups = []
    for number, group in enumerate(state.groups):
        tensors[f"{number}.queries"] = torch.from_numpy(group.queries).clone()
        tensors[f"{number}.last"] = torch.from_numpy(group.last).clone()
        context = group.context
        for kind, labels in (("prompted", context.prompted), ("last_frames", context.last)):
            tensors |= {f"{number}.{kind}.{n}": t.contiguous() for n, t in labels.items()}
        groups.append({"prompted": list(context.prompted), "last_frames": list(context.last)})
    about = {"format": FORMAT, "number": state.number, "groups": groups}
    write_state(path, tensors, {"points": json.dumps(about)})


def load_point_state(path: str | Path) -> PointTrackerState:
    """Read a tracker's state.

    Raises:
        InputError: the file is missing or damaged, or of another form.
    """
    try:
        with safe_open(path, framework="pt") as handle:
            about = json.loads(handle.metadata()["points"])
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']}, expected {FORMAT}")
            groups = tuple(
                _group(handle, number, names) for number, names in enumerate(about["groups"])
            )
            return PointTrackerState(int(about["number"]), groups)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as the state of a run over points ({error}); start again with "
            "--overwrite"
        ) from None


def _group(handle: Any, number: int, names: dict[str, list[int]]) -> GroupState:
    def labels(kind: str) -> dict[int, Tensor]:
        return {n: handle.get_tensor(f"{number}.{kind}.{n}") for n in names[kind]}

    queries = handle.get_tensor(f"{number}.queries").numpy()
    (frame,) = names["prompted"]
    prompts = (frame,) * len(queries)
    return GroupState(
        queries,
        handle.get_tensor(f"{number}.last").numpy(),
        ContextState(labels("prompted"), labels("last_frames"), prompts, prompts),
    )
