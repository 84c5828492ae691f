"""A training that is stopped and goes on: its state on disk, and whose it is."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn, Protocol

import torch

from vos.errors import InputError
from vos.files import atomic_path
from vos.runtime.signals import StopRequest, Terminated


class Stateful(Protocol):
    """A network, an optimizer or the like: what gives its state and takes it back."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Take a state over."""
        ...


class ResumableTraining:
    """How far a training is, and the parts whose state goes with that."""

    def __init__(self, **parts: Stateful) -> None:
        self._parts = parts
        self.epoch = 0
        self.step_in_epoch = 0
        self.history: list[dict[str, Any]] = []
        """Test accuracies by epoch."""

    def end_epoch(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
        self.step_in_epoch = 0

    def save(self, path: Path, identity: str) -> None:
        """Write the state, whole or not at all; `identity` says what run it is of."""
        state = {
            **{name: part.state_dict() for name, part in self._parts.items()},
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "history": self.history,
        }
        save_state(path, identity, state)

    def restore(self, path: Path, identity: str) -> None:
        """Go on from a saved state.

        Raises:
            InputError: the file is damaged, or of a run with other settings.
        """
        state = read_state(path, identity)
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        self.epoch, self.step_in_epoch = state["epoch"], state["step_in_epoch"]
        self.history = state["history"]


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
        saved_identity = state.pop("identity")
    except Exception as error:  # a damaged file may fail in any way
        raise InputError(
            f"{path} cannot be read as the state of a run ({type(error).__name__}); remove it "
            "to start again"
        ) from None
    if saved_identity != identity:
        raise InputError(
            f"{path} is of a run with other data, weights or settings; give another output "
            "folder, or remove it to start again"
        )
    return state


def share_stop(stop: StopRequest, signals: Iterable[int | None]) -> bool:
    """Take over a stop that any process was asked for; return whether one was."""
    stop.signal = next((number for number in signals if number is not None), None)
    return stop.signal is not None


def end_stopped(stop: StopRequest, epoch: int, *, leads: bool) -> NoReturn:
    """Say that a run whose state is saved goes on, and end as the signal asked."""
    if leads:
        print(f"stopped in epoch {epoch + 1}; the same command goes on")
    raise Terminated if stop.signal == signal.SIGTERM else KeyboardInterrupt
