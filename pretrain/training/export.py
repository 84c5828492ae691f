"""A run's teacher as a backbone file that `vos`, timm and the published tools read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretrain.config.export_format import SUFFIXES, Format
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.training.checkpoints import LATEST, find_resumable
from vos._version import __version__
from vos.backbones.checkpoints import backbone_of, read_file
from vos.errors import InputError
from vos.files import atomic_path


def export_backbone(
    source: Path, target: Path, form: Format = "safetensors", licence: str = ""
) -> dict[str, str]:
    """Write the backbone of a run's teacher.

    Args:
        source: the run's folder, or one of its checkpoints.
        target: the file to write; its suffix has to be that of the format.
        form: timm's layout as safetensors with metadata, or the published plain `.pth`.
        licence: what the metadata say about the terms of use.

    Returns:
        The metadata.

    Raises:
        InputError: no whole checkpoint is there, or the suffix is another format's.
    """
    if target.suffix != SUFFIXES[form]:
        raise InputError(f"{target} does not end in {SUFFIXES[form]}, as --format {form} needs")
    path, raw = _read_checkpoint(source)
    checkpoint = backbone_of(raw, path)
    metadata = _metadata(raw, licence)
    write_backbone(checkpoint.state, target, form, metadata)
    return metadata


def write_backbone(
    state: Mapping[str, Tensor], target: Path, form: Format, metadata: dict[str, str]
) -> None:
    """Write tensors by timm's names, whole or not at all."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    with atomic_path(target) as beside:
        if form == "pth":
            torch.save(tensors, beside)
        else:
            from safetensors.torch import save_file

            save_file(tensors, str(beside), metadata={"format": "pt", **metadata})


def plain_name(arch: str) -> str:
    """Return an architecture's name as `vos` and timm know it."""
    return arch.removeprefix("timm:")


def _read_checkpoint(source: Path) -> tuple[Path, dict[str, Any]]:
    """Read a checkpoint, or the newest whole one of a run, and say which it is."""
    if source.is_file():
        return source, read_file(source)
    if not source.is_dir():
        raise InputError(f"no run at {source}; give the output folder of a run or a checkpoint")
    newest = find_resumable(source)
    if newest is None:
        raise InputError(f"no checkpoint in {source}; expected {LATEST} or checkpoints/*.pth")
    return newest


def _metadata(raw: Mapping[str, Any], licence: str) -> dict[str, str]:
    extras = raw.get("extras") or {}
    settings = extras.get("config") or (vars(raw["args"]) if raw.get("args") else {})
    known = {k: v for k, v in settings.items() if k in PretrainConfig.__dataclass_fields__}
    epochs = extras["step"] / extras["steps_per_epoch"] if extras else raw.get("epoch", "")
    return {
        "arch": plain_name(str(known.get("arch", ""))),
        "patch_size": str(known.get("patch_size", "")),
        "epochs": f"{epochs:.2f}" if extras else str(epochs),
        "data": str(extras.get("data", "")),
        "config": json.dumps(known, sort_keys=True, default=str),
        "licence": licence,
        "made_by": f"vos-pretrain {__version__}",
    }
