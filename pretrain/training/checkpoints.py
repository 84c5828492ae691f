"""Checkpoints of a run: save whole or not at all, find, resume, in the published layout.

The layout is that of the released DINO code: `student` (keys under `module.`), `teacher`,
`optimizer`, `epoch`, `args`, `dino_loss`, `fp16_scaler`; what that layout has no place for is
under `extras`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import struct
import sys
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.training.learner import Learner
from vos._version import __version__
from vos.backbones.checkpoints import read_file
from vos.errors import InputError
from vos.files import atomic_path

LATEST = "checkpoint.pth"
FOLDER = "checkpoints"


@dataclass(frozen=True)
class RunFacts:
    """What a checkpoint has to agree on with the run that takes it up."""

    config: PretrainConfig
    data: str
    """One line about the data."""
    data_fingerprint: str
    total_batch: int
    """Images in a step."""
    data_contents: str = ""
    """A hash of the data's sizes and sums; empty where nobody looked."""
    allow_changed_data: bool = False
    """Go on although the data are others."""


def save_checkpoint(
    folder: Path, learner: Learner, facts: RunFacts, keep: int, keep_every: int = 0
) -> Path:
    """Write `checkpoints/step-<n>.pth`, point `checkpoint.pth` to it, drop the oldest before it.

    Args:
        folder: of the run.
        learner: what is saved.
        facts: saved with it.
        keep: how many of the newest stay.
        keep_every: epochs, of which every so many's last checkpoint stays for good; 0: none.

    Raises:
        OSError: the disk is full or cannot be written to; the earlier checkpoints are untouched.
    """
    path = folder / FOLDER / f"step-{learner.step_index:08d}.pth"
    state = checkpoint_state(learner, facts)
    with atomic_path(path) as beside:
        try:
            with beside.open("wb") as handle:
                torch.save(state, handle)
        except RuntimeError as error:  # PyTorch's writer wraps the system's error
            raise OSError(f"{path} could not be written: {error}") from error
    link_or_copy(path, folder / LATEST)
    until_now = [p for p in list_checkpoints(folder) if step_of(p) <= learner.step_index]
    milestone = keep_every * learner.schedules.steps_per_epoch
    for old in until_now[:-keep]:
        if not milestone or step_of(old) % milestone or not step_of(old):
            old.unlink(missing_ok=True)
    return path


def link_or_copy(path: Path, other: Path) -> None:
    """Give a file a second name, in the place of what has it.

    Raises:
        OSError: the disk is full or cannot be written to; what was there is untouched.
    """
    with atomic_path(other) as beside:
        try:
            os.link(path, beside)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, beside)


def checkpoint_state(learner: Learner, facts: RunFacts) -> dict[str, Any]:
    """Return everything that a run needs to go on, in the published layout."""
    student = {f"module.{k}": v for k, v in learner.student.state_dict().items()}
    state: dict[str, Any] = {
        "student": student,
        "teacher": dict(learner.teacher.state_dict()),
        "optimizer": learner.optimizer.state_dict(),
        "epoch": learner.epoch,
        "args": argparse.Namespace(**facts.config.as_dict()),
        "dino_loss": dict(learner.objective.state_dict()),
        "extras": {
            "step": learner.step_index,
            "steps_per_epoch": learner.schedules.steps_per_epoch,
            "total_batch": facts.total_batch,
            "config": facts.config.as_dict(),
            "data": facts.data,
            "data_fingerprint": facts.data_fingerprint,
            "data_contents": facts.data_contents,
            "version": __version__,
        },
    }
    if learner.ibot is not None:
        state["ibot_loss"] = dict(learner.ibot.state_dict())
    if learner.scaler.is_enabled():
        state["fp16_scaler"] = learner.scaler.state_dict()
    return state


def list_checkpoints(folder: Path) -> list[Path]:
    """List the numbered checkpoints of a run, oldest first."""
    paths = (folder / FOLDER).glob("step-*.pth")
    return sorted((p for p in paths if re.fullmatch(r"step-\d+", p.stem)), key=step_of)


def step_of(path: Path) -> int:
    """Return the step that a numbered checkpoint was saved at."""
    return int(path.stem.removeprefix("step-"))


def find_resumable(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the newest checkpoint of a run that can be read whole, or None if there is none.

    A damaged one is reported on standard error and passed over.

    Raises:
        InputError: there are checkpoints, but none can be read.
    """
    candidates = list_checkpoints(folder)
    if not candidates and (folder / LATEST).exists():
        candidates = [folder / LATEST]
    return newest_whole(candidates)


def newest_whole(candidates: Sequence[Path]) -> tuple[Path, dict[str, Any]] | None:
    """Return the last of some checkpoints, oldest first, that can be read whole, if there are any.

    A damaged one is reported on standard error and passed over.

    Raises:
        InputError: there are checkpoints, but none can be read.
    """
    problems = []
    for path in reversed(candidates):
        try:
            return path, read_training_checkpoint(path)
        except InputError as error:
            problems.append(str(error))
            print(f"passing over {path}: {error}", file=sys.stderr)
    if problems:
        folder = candidates[0].parent
        raise InputError(f"no checkpoint in {folder} can be read: {problems[0]}")
    return None


def read_training_checkpoint(path: Path) -> dict[str, Any]:
    """Read a full training checkpoint, ours or a published one.

    Raises:
        InputError: it is damaged, unsafe, or holds no training state.
    """
    _check_sums(path)
    raw = read_file(path)
    missing = [key for key in ("student", "teacher", "optimizer", "epoch") if key not in raw]
    if missing:
        raise InputError(
            f"{path} holds no training state ({', '.join(missing)} missing), so a run cannot go "
            "on from it; `vos-pretrain train --init-from` starts a new one with its backbone"
        )
    return raw


def _check_sums(path: Path) -> None:
    """Compare a file's contents with the sums in it, which PyTorch does not look at.

    Files of the form before PyTorch 1.6 are no archives and have none.

    Raises:
        InputError: some do not fit.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError) as error:
        wrong = str(error) or type(error).__name__
    except RuntimeError as error:  # damage that looks like a password or an unknown method
        wrong = str(error)
    if wrong is not None:
        raise InputError(
            f"{path} is damaged (its sums do not fit: {wrong}); go on from another checkpoint, or "
            "copy it again"
        )
