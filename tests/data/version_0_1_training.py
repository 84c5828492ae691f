"""A pretraining run as version 0.1 left it when it was killed.

A checkpoint's numbers are too many to be recorded, its layout is not: the keys, the shapes and
the types of version 0.1 (commit cc59da4) are in `version_0_1/training_checkpoint.json`. Numbers
of a run of today are laid out so; what version 0.1 did not have is dropped, and what it had must
be there. Nothing here calls the project.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.data.version_0_1 import recorded, write_json

STEP = 4
"""The step of the last checkpoint; an epoch has three."""
STEPS = 9
PHOTOS = 13
OPTIONS = (
    *("--arch", "vit_tiny", "--out-dim", "32", "--head-hidden-dim", "16"),
    *("--head-bottleneck-dim", "8", "--global-crops-size", "32", "--local-crops-size", "16"),
    *("--local-crops-number", "1", "--epochs", "3", "--warmup-epochs", "1"),
    *("--batch-size-per-gpu", "4", "--drop-path-rate", "0.2", "--lr", "0.01"),
    *("--device", "cpu", "--precision", "fp32", "--num-workers", "0", "--log-steps", "1"),
    *("--no-tensorboard", "--probe-epochs", "0"),
    *("--keep-checkpoints", "20", "--checkpoint-minutes", "1e-9"),  # one after each step
)
"""The options of `vos-pretrain train`, beside the data and the folder."""
_MESSAGE = ("step", "message")
"""The keys of the log's lines that are no numbers."""


def write_photos(folder: Path) -> Path:
    """Write the pictures that the run learns from."""
    folder.mkdir(parents=True)
    for number in range(PHOTOS):
        rows, columns, channels = np.mgrid[:40, :48, :3]
        waves = np.sin((rows * (number + 3) + columns * (9 - number % 7)) / 40 + channels)
        picture = (waves * 70 + 128 + number).astype(np.uint8)
        picture[10:20, 12 + number : 24 + number] = (180, 90, 100)
        Image.fromarray(picture).save(folder / f"{number:02d}.png")
    return folder


def write_training_run(out: Path, photos: Path, whole: Path) -> Path:
    """Write the folder of a run killed after step `STEP`.

    Args:
        out: the folder.
        photos: what the run learns from.
        whole: the folder of the same run by today's code, undisturbed, with all checkpoints.
    """
    document = recorded("training_checkpoint")
    name = f"step-{STEP:08d}.pth"
    today = torch.load(whole / "checkpoints" / name, weights_only=False)
    layout = document["layout"]
    _drop_absent_options(layout["optimizer"]["param_groups"])
    laid_out = as_recorded(layout, today)
    laid_out["extras"] |= document["extras"]
    checkpoints = out / "checkpoints"
    checkpoints.mkdir(parents=True)
    for path in (checkpoints / name, out / "checkpoint.pth"):
        torch.save(laid_out, path)
    _write_config(out, photos, document["config_json"])
    _write_log(out, whole, document["log_keys"])
    return out


def _drop_absent_options(groups: list[dict[str, Any]]) -> None:
    """Leave out the options of AdamW that the installed PyTorch does not have yet."""
    (present,) = torch.optim.AdamW([torch.zeros(1)]).param_groups
    for group in groups:
        for name in set(group) - set(present):
            del group[name]


def _write_config(out: Path, photos: Path, config: dict[str, Any]) -> None:
    places = {"data_path": [str(photos)], "output_dir": str(out)}
    write_json(out / "config.json", {**config, "run": {**config["run"], **places}})


def _write_log(out: Path, whole: Path, keys: list[str]) -> None:
    """Write the lines up to one step after the checkpoint, which a resumed run takes again."""
    lines = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    kept = [{k: line[k] for k in (keys if "loss" in line else _MESSAGE)} for line in lines]
    text = "".join(json.dumps(line) + "\n" for line in kept if line["step"] <= STEP + 1)
    (out / "log.jsonl").write_text(text, encoding="utf-8")


def layout_of(value: Any) -> Any:
    """Return the keys, shapes and types of nested values, as JSON takes them."""
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    if isinstance(value, argparse.Namespace):
        return {"Namespace": layout_of(vars(value))}
    if isinstance(value, Mapping):
        return {str(key): layout_of(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return {"tuple": layout_of(list(value))}
    if isinstance(value, list):
        return [layout_of(inner) for inner in value]
    return type(value).__name__


def as_recorded(layout: Any, value: Any, where: str = "") -> Any:
    """Return a value with the recorded keys alone.

    Raises:
        AssertionError: a recorded key is absent, or its shape or type is another.
    """
    if isinstance(layout, dict) and "Namespace" in layout:
        return argparse.Namespace(**as_recorded(layout["Namespace"], vars(value), where))
    if isinstance(layout, dict) and isinstance(value, tuple):
        return tuple(as_recorded(layout["tuple"], list(value), where))
    if isinstance(layout, dict):
        present = {str(key): key for key in value}
        absent = sorted(set(layout) - set(present))
        assert not absent, f"{where} lacks {absent}"
        return {
            present[key]: as_recorded(inner, value[present[key]], f"{where}.{key}")
            for key, inner in layout.items()
        }
    if isinstance(layout, list):
        assert len(layout) == len(value), f"{where} has {len(value)} entries"
        pairs = enumerate(zip(layout, value, strict=True))
        return [as_recorded(inner, each, f"{where}[{n}]") for n, (inner, each) in pairs]
    assert layout_of(value) == layout, f"{where} is {layout_of(value)}, was {layout}"
    return value
