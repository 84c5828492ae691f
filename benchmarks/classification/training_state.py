"""A training that is stopped and goes on: its state on disk, and whose it is."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch

from vos.errors import InputError
from vos.files import atomic_path
from vos.runtime.signals import StopRequest, Terminated


def save_state(path: Path, identity: str, state: Mapping[str, Any]) -> None:
    """Write a state, whole or not at all; `identity` says what run it is of."""
    with atomic_path(path) as beside:
        torch.save({"identity": identity, **state}, beside)


def read_state(path: Path, identity: str) -> dict[str, Any]:
    """Return a saved state, its tensors on the CPU.

    Raises:
        InputError: the file is damaged, or of a run with other settings.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        known = state.pop("identity")
    except Exception as error:  # a damaged file may fail in any way
        raise InputError(
            f"{path} cannot be read as the state of a run ({type(error).__name__}); remove it "
            "to start again"
        ) from None
    if known != identity:
        raise InputError(
            f"{path} is of a run with other data, weights or settings; give another output "
            "folder, or remove it to start again"
        )
    return state


def end_stopped(stop: StopRequest, epoch: int, *, leads: bool) -> NoReturn:
    """Say that a run whose state is saved goes on, and end as the signal asked."""
    if leads:
        print(f"stopped in epoch {epoch + 1}; the same command goes on")
    raise Terminated if stop.signal == signal.SIGTERM else KeyboardInterrupt
