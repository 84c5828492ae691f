"""The state of an unfinished run on disk, so that another process goes on to the same masks.

A safetensors file: the labels of the context frames, and the rest as JSON in its header. The
engine's state speaks of channels, a snapshot of object ids: object `objects[c - 1]` has channel c.

Shapes: P patches, C = 1 + objects, background first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vos.errors import InputError
from vos.files import atomic_path
from vos.propagation.adaptive_propagation import AdaptiveState
from vos.propagation.memory import ContextState
from vos.propagation.target_model import FrameSums, TargetState

FORMAT = 2
"""Number of the form of the file. Version 0.1 wrote the first form without a number; the second
has a target model too."""


def save_snapshot(path: str | Path, snapshot: Snapshot) -> None:
    """Write a propagator's snapshot, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    memory = snapshot.memory
    tensors = {f"prompted.{n}": t.contiguous() for n, t in memory.prompted.items()}
    tensors |= {f"last.{n}": t.contiguous() for n, t in memory.last.items()}
    about = {
        "format": 1 if memory.target is None else FORMAT,  # what older versions can read, they may
        "number": snapshot.number,
        "objects": memory.objects,
        "prompted": list(memory.prompted),
        "last": list(memory.last),
        "first_prompt": sorted(memory.first_prompt.items()),
        "latest_prompt": sorted(memory.latest_prompt.items()),
    }
    if memory.target is not None:
        target = memory.target
        about["target"] = [target.ridge, target.strength, target.kept_frames]
        tensors["target.thresholds"] = target.thresholds
        if target.kept is not None:
            tensors["target.gram"] = target.kept.gram.contiguous()
            tensors["target.cross"] = target.kept.cross.contiguous()
    write_state(path, tensors, {"snapshot": json.dumps(about)})


def write_state(path: str | Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a state as a safetensors file, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_path(path) as beside:
        try:
            save_file(tensors, beside, metadata=metadata)
        except SafetensorError as error:  # its only word for a full disk
            raise OSError(f"the state {path} cannot be written: {error}") from error


def load_snapshot(path: str | Path) -> Snapshot:
    """Read a snapshot.

    Raises:
        InputError: the file is missing or damaged, or a newer version wrote it in another form.
    """
    try:
        with safe_open(path, framework="pt") as handle:
            about = json.loads(handle.metadata()["snapshot"])
            form = int(about.get("format", 1))
            if form <= FORMAT:
                state = MemoryState(
                    tuple(about["objects"]),
                    {n: handle.get_tensor(f"prompted.{n}") for n in about["prompted"]},
                    {n: handle.get_tensor(f"last.{n}") for n in about["last"]},
                    dict(map(tuple, about["first_prompt"])),
                    dict(map(tuple, about["latest_prompt"])),
                    _target(about, handle),
                )
                return Snapshot(about["number"], state)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} cannot be read as the state of a run ({error}); start again with --overwrite"
        ) from None
    raise InputError(
        f"{path} was written by a newer version of vos-toolkit (format {form}; this version reads "
        f"up to format {FORMAT}); update vos-toolkit, or start again with --overwrite"
    )


def _target(about: dict[str, Any], handle: Any) -> TargetState | None:
    """Read the target model of an open snapshot, if it has one."""
    if "target" not in about:
        return None
    ridge, strength, frames = map(float, about["target"])
    kept = None
    if frames:
        kept = FrameSums(handle.get_tensor("target.gram"), handle.get_tensor("target.cross"))
    return TargetState(ridge, strength, handle.get_tensor("target.thresholds"), kept, frames)


@dataclass(frozen=True)
class Snapshot:
    """A propagator's state after a step."""

    number: int
    """How many steps were taken before that step."""
    memory: MemoryState

    @property
    def frames(self) -> tuple[int, ...]:
        """Numbers of the steps whose frames `LabelPropagator.restore` needs."""
        return tuple(sorted({*self.memory.prompted, *self.memory.last}))


@dataclass(frozen=True)
class MemoryState:
    """What a propagator remembers but the features, which are computed again from the frames."""

    objects: tuple[int, ...]
    prompted: dict[int, Tensor]
    """Frame number -> labels (P, C) of the prompted frames."""
    last: dict[int, Tensor]
    """The same of the last frames, oldest first."""
    first_prompt: dict[int, int]
    """Object id -> number of the frame that first gave it."""
    latest_prompt: dict[int, int]
    """Object id -> number of the frame that last gave it."""
    target: TargetState | None = None
    """The target model's, where there is one."""


def require_frames(what: str, needed: Iterable[int], given: Iterable[int]) -> None:
    """Check that all steps are given whose frames a state needs.

    Raises:
        InputError: one is missing; `what` names the state.
    """
    missing = sorted({*needed} - {*given})
    if missing:
        raise InputError(f"{what} needs frames {missing}, which were not given")


def with_object_ids(state: ContextState, objects: tuple[int, ...]) -> MemoryState:
    """Name the channels of an engine's state by their objects, in the order of the channels."""
    return MemoryState(
        objects,
        state.prompted,
        state.last,
        dict(zip(objects, state.first_prompt, strict=True)),
        dict(zip(objects, state.latest_prompt, strict=True)),
        state.target if isinstance(state, AdaptiveState) else None,
    )


def without_object_ids(memory: MemoryState) -> ContextState:
    """Undo `with_object_ids`; the objects are in `memory.objects`."""
    context = (
        memory.prompted,
        memory.last,
        tuple(memory.first_prompt[object_id] for object_id in memory.objects),
        tuple(memory.latest_prompt[object_id] for object_id in memory.objects),
    )
    if memory.target is None:
        return ContextState(*context)
    return AdaptiveState(*context, memory.target)
