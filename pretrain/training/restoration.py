"""A learner brought to the state of a checkpoint, if the run is the one that it was saved by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.training.checkpoints import RunFacts
from pretrain.training.learner import Learner
from vos.errors import InputError

_STRUCTURE = (
    *("arch", "patch_size", "in_chans", "method", "out_dim", "norm_last_layer", "use_bn_in_head"),
    *("head_hidden_dim", "head_bottleneck_dim", "head_layers", "predictor", "global_crops_size"),
    *("queue_size", "optimizer", "ibot", "ibot_head", "registers"),
)


def restore(learner: Learner, raw: Mapping[str, Any], facts: RunFacts, path: Path) -> list[str]:
    """Bring a learner to the state of a checkpoint.

    Returns:
        Sentences on settings that are not those the checkpoint was made with.

    Raises:
        InputError: the checkpoint is of another architecture, or of other data and the run does
            not allow that.
    """
    extras = raw.get("extras") or {}
    saved = _saved_settings(raw)
    _check_structure(saved, facts.config, path)
    changes = _data_changes(extras, facts, path)
    _load(learner.student, raw["student"], path)
    _load(learner.teacher, raw["teacher"], path)
    try:
        if raw.get("dino_loss"):
            learner.objective.load_state_dict(raw["dino_loss"])
        if learner.ibot is not None:
            learner.ibot.load_state_dict(raw["ibot_loss"])
        learner.optimizer.load_state_dict(raw["optimizer"])
    except (ValueError, RuntimeError, KeyError) as error:
        raise InputError(f"{path} does not fit this run: {error}") from error
    if learner.scaler.is_enabled() and raw.get("fp16_scaler"):
        learner.scaler.load_state_dict(raw["fp16_scaler"])
    steps = learner.schedules.steps_per_epoch
    epochs = extras["step"] / extras["steps_per_epoch"] if extras else raw["epoch"]
    learner.step_index = round(epochs * steps)
    return changes + _changes(saved, facts, extras)


def _data_changes(extras: Mapping[str, Any], facts: RunFacts, path: Path) -> list[str]:
    """Return a sentence on data that are not the checkpoint's, where the run allows it.

    Raises:
        InputError: the run does not allow it.
    """
    if not extras:
        return []
    contents = extras.get("data_contents")  # earlier versions looked at names alone
    if extras["data_fingerprint"] != facts.data_fingerprint:
        change = f"{extras['data']}; now {facts.data}"
    elif contents and facts.data_contents and contents != facts.data_contents:
        change = f"{facts.data}, the same names, but files of other sizes or sums"
    else:
        return []
    if facts.allow_changed_data:
        return [f"the data have changed ({change}); the run goes on with what is there now"]
    raise InputError(
        f"{path} was trained on other data ({change}); resume with the same data, give "
        "--allow-changed-data to go on with these, or use --init-from to start a new run with "
        "its backbone"
    )


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
    now = {**config.as_dict(), "ibot": config.ibot_weight > 0}
    saved = {**saved, "ibot": saved.get("ibot_weight", 0) > 0}
    for name in _STRUCTURE:
        if name == "queue_size" and config.method != "moco_v2":
            continue
        if name == "ibot_head" and not config.ibot_weight:
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
