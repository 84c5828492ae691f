"""The record of a run: log.jsonl always, TensorBoard and Weights & Biases where wanted."""

from __future__ import annotations

import importlib
import importlib.util
import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vos.errors import InputError
from vos.files import atomic_path

LOG = "log.jsonl"
WANDB_ID = "wandb_id.txt"


class RunLog:
    """Write numbers, pictures and sentences of a run by step.

    Args:
        folder: the run's folder.
        settings: written as wandb's configuration.
        first_step: where the run starts; later lines of an interrupted run are dropped.
        tensorboard: write TensorBoard files.
        wandb_project: project name, or empty.

    Raises:
        InputError: TensorBoard or wandb is asked for and not installed.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        first_step: int,
        tensorboard: bool = True,
        wandb_project: str = "",
    ) -> None:
        if tensorboard:
            _require_tensorboard()
        folder.mkdir(parents=True, exist_ok=True)
        self._failed = False
        _drop_lines_after(folder / LOG, first_step)
        self._log = (folder / LOG).open("a", encoding="utf-8")
        self._board = _open_board(folder / "tensorboard", first_step) if tensorboard else None
        self._wandb = (
            _open_wandb(wandb_project, folder, settings, first_step) if wandb_project else None
        )

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Record named numbers of a step."""
        self._write({"step": step, **values})
        if self._board is not None:
            with self._going_on():
                for name, value in values.items():
                    self._board.add_scalar(name, value, step)
        if self._wandb is not None:
            self._wandb.log(dict(values), step=step)

    def sentence(self, step: int, text: str) -> None:
        """Record a warning or an event."""
        self._write({"step": step, "message": text})
        if self._board is not None:
            with self._going_on():
                self._board.add_text("messages", text, step)

    def picture(self, step: int, name: str, image: np.ndarray) -> None:
        """Record an (H, W, 3) uint8 RGB picture."""
        if self._board is not None:
            with self._going_on():
                self._board.add_image(name, image, step, dataformats="HWC")
        if self._wandb is not None:
            picture = importlib.import_module("wandb").Image(image)
            self._wandb.log({name: picture}, step=step)

    def _write(self, line: Mapping[str, Any]) -> None:
        with self._going_on():
            self._log.write(json.dumps(line) + "\n")  # what cannot be written now is kept for later
            self._log.flush()

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Say once that a full disk takes no lines; training goes on without them."""
        try:
            yield
        except OSError as error:
            if not self._failed:
                print(f"the log cannot be written ({error}); training goes on", file=sys.stderr)
            self._failed = True

    def close(self) -> None:
        """Let go of all files."""
        with self._going_on():
            self._log.close()
        if self._board is not None:
            with self._going_on():
                self._board.close()
        if self._wandb is not None:
            self._wandb.finish()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Read the lines of a run's log; a last line that was cut short is left out.

    Raises:
        InputError: there is no log in the folder.
    """
    path = folder / LOG
    if not path.is_file():
        raise InputError(f"no {LOG} in {folder}; give the folder of a pretraining run")
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


def _drop_lines_after(path: Path, step: int) -> None:
    """Keep the lines up to `step`: a resumed run writes the later ones again."""
    if not path.exists():
        return
    earlier = [line for line in read_log(path.parent) if step and line.get("step", 0) <= step]
    with atomic_path(path) as beside:
        beside.write_text("".join(json.dumps(line) + "\n" for line in earlier), encoding="utf-8")


def _require_tensorboard() -> None:
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError(
            "TensorBoard's files need a package that is not installed: "
            'pip install "vos-toolkit[train]" (in a checkout pip install ".[train]"), or '
            "--no-tensorboard; log.jsonl has every number too"
        )


def _open_board(folder: Path, first_step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=first_step + 1)


def _open_wandb(project: str, folder: Path, settings: Mapping[str, Any], first_step: int) -> Any:
    try:
        wandb: Any = importlib.import_module("wandb")
    except ImportError:
        raise InputError(
            "--wandb-project needs the wandb package: pip install wandb, or leave the option out"
        ) from None
    id_file = folder / WANDB_ID
    if not (first_step and id_file.exists()):
        with atomic_path(id_file) as beside:
            beside.write_text(secrets.token_hex(8))
    return wandb.init(
        project=project,
        dir=str(folder),
        config=dict(settings),
        resume="allow",
        id=id_file.read_text(),
        name=folder.resolve().name,
    )
