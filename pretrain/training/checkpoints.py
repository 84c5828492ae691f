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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.training.learner import Learner
from vos._version import __version__
from vos.backbones.checkpoints import load_checkpoint, read_file
from vos.backbones.networks.vit import position_embedding
from vos.errors import InputError
from vos.files import atomic_path

LATEST = "checkpoint.pth"
FOLDER = "checkpoints"


_STRUCTURE = (
    *("arch", "patch_size", "in_chans", "method", "out_dim", "norm_last_layer", "use_bn_in_head"),
    *("head_hidden_dim", "head_bottleneck_dim", "head_layers", "predictor", "global_crops_size"),
    *("queue_size", "optimizer"),
)


@dataclass(frozen=True)
class RunFacts:
    """What a checkpoint has to agree on with the run that takes it up."""

    config: PretrainConfig
    data: str
    """One line about the data."""
    data_fingerprint: str
    total_batch: int
    """Images in a step."""


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
    with atomic_path(folder / LATEST) as beside:
        try:
            os.link(path, beside)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, beside)
    until_now = [p for p in list_checkpoints(folder) if step_of(p) <= learner.step_index]
    milestone = keep_every * learner.schedules.steps_per_epoch
    for old in until_now[:-keep]:
        if not milestone or step_of(old) % milestone or not step_of(old):
            old.unlink(missing_ok=True)
    return path


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
            "version": __version__,
        },
    }
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


def restore(learner: Learner, raw: Mapping[str, Any], facts: RunFacts, path: Path) -> list[str]:
    """Bring a learner to the state of a checkpoint.

    Returns:
        Sentences on settings that are not those the checkpoint was made with.

    Raises:
        InputError: the checkpoint is of another architecture or of other data.
    """
    extras = raw.get("extras") or {}
    saved = _saved_settings(raw)
    _check_structure(saved, facts.config, path)
    if extras and extras["data_fingerprint"] != facts.data_fingerprint:
        raise InputError(
            f"{path} was trained on other data ({extras['data']}; now {facts.data}); resume with "
            "the same data, or use --init-from to start a new run with its backbone"
        )
    _load(learner.student, raw["student"], path)
    _load(learner.teacher, raw["teacher"], path)
    try:
        if raw.get("dino_loss"):
            learner.objective.load_state_dict(raw["dino_loss"])
        learner.optimizer.load_state_dict(raw["optimizer"])
    except (ValueError, RuntimeError, KeyError) as error:
        raise InputError(f"{path} does not fit this run: {error}") from error
    if learner.scaler.is_enabled() and raw.get("fp16_scaler"):
        learner.scaler.load_state_dict(raw["fp16_scaler"])
    steps = learner.schedules.steps_per_epoch
    epochs = extras["step"] / extras["steps_per_epoch"] if extras else raw["epoch"]
    learner.step_index = round(epochs * steps)
    return _changes(saved, facts, extras)


def _saved_settings(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a checkpoint; options later than its version have their defaults."""
    own = (raw.get("extras") or {}).get("config")
    return {**PretrainConfig().as_dict(), **own} if own else _published_settings(raw.get("args"))


def _published_settings(args: Any) -> dict[str, Any]:
    settings = vars(args) if args is not None else {}
    known = set(PretrainConfig.__dataclass_fields__)
    published = {name: value for name, value in settings.items() if name in known}
    if "arch" in published:
        # the first release said deit_
        published["arch"] = str(published["arch"]).replace("deit_", "vit_")
    return published


def _check_structure(saved: Mapping[str, Any], config: PretrainConfig, path: Path) -> None:
    now = config.as_dict()
    for name in _STRUCTURE:
        if name == "queue_size" and config.method != "moco_v2":
            continue
        if name in saved and saved[name] != now[name]:
            raise InputError(
                f"{path} was trained with {name} {saved[name]!r}, this run has {now[name]!r}; "
                "resume with the same, or use --init-from to start a new run with its backbone"
            )


def _changes(saved: Mapping[str, Any], facts: RunFacts, extras: Mapping[str, Any]) -> list[str]:
    now = facts.config.as_dict()
    changed = [
        f"{name} was {saved[name]}, is {now[name]}"
        for name in now
        if name in saved and saved[name] != now[name]
    ]
    if extras and extras["total_batch"] != facts.total_batch:
        changed.append(f"the total batch was {extras['total_batch']}, is {facts.total_batch}")
    return changed


def _load(network: nn.Module, state: Mapping[str, Any], path: Path) -> None:
    bare = {name.removeprefix("module."): value for name, value in state.items()}
    try:
        network.load_state_dict(bare)
    except RuntimeError as error:
        raise InputError(f"the networks in {path} do not fit this run: {error}") from error


def init_backbone(learner: Learner, path: str) -> None:
    """Start student and teacher with the backbone of any checkpoint, leaving heads fresh.

    A ViT's position embeddings of another resolution are resampled, as the network itself does for
    images of another size.

    Raises:
        InputError: the file cannot be read, or its backbone is another architecture's.
    """
    state = dict(load_checkpoint(path).state)
    for network in (learner.student, learner.teacher):
        own = network.backbone.state_dict()
        if learner.config.is_vit:
            state = _at_resolution(state, own["pos_embed"])
        wrong = [n for n in own if n not in state or state[n].shape != own[n].shape]
        if wrong:
            raise InputError(
                f"the backbone in {path} is not this run's: {wrong[0]} is "
                f"{tuple(state[wrong[0]].shape) if wrong[0] in state else 'missing'}, expected "
                f"{tuple(own[wrong[0]].shape)}; set arch, patch_size and global_crops_size to its"
            )
        network.backbone.load_state_dict({name: state[name] for name in own})


def _at_resolution(state: dict[str, Tensor], own: Tensor) -> dict[str, Tensor]:
    """Bring position embeddings (1, 1 + m * m, D) to a network's own number, if D fits."""
    given = state.get("pos_embed")
    if given is None or given.ndim != 3 or given.shape[2] != own.shape[2]:
        return state
    before, after = (round((values.shape[1] - 1) ** 0.5) for values in (given, own))
    if before == after or given.shape[1] != 1 + before**2:
        return state
    return {**state, "pos_embed": position_embedding(given, after, after)}
