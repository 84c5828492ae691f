"""Which of the networks in a checkpoint is taken, and the words that the file says of it.

A file may hold networks under keys (`teacher`, `state_dict`, `state_dict_ema`), and a state dict
may hold several under prefixes (`module.base_encoder.`, `teacher_backbone.vit.`). A prefix is read
off the names: it is what stands before a backbone's first layer.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from vos.errors import InputError

PREFERRED = "teacher"
"""The network that is taken where a file has it and no other is asked for."""
_WRAPPERS = (
    "state_dict", "model", "model_state_dict", "state_dict_ema", "model_ema", "ema_state_dict",
)  # fmt: skip
_PREFIXES = ("module.", "backbone.", "_orig_mod.")
_FIRST_LAYERS = (
    "patch_embed.proj.weight", "patch_embed.projection.weight",
    "patch_embeddings.projection.weight", "conv_proj.weight", "layer1.0.conv1.weight",
    "conv_stem.weight",
)  # fmt: skip
_COPIES = {"student", "momentum", "ema", "target", "k", "key"}
_WORDS = ("args", "hyper_parameters", "config", "cfg", "hparams")
_SMALL_WIDTH = 384
_LONGEST_WORD = 1000


@dataclass(frozen=True)
class Network:
    """One network of a checkpoint, its tensors by the file's names behind the prefix."""

    tensors: dict[str, Tensor]
    layout: str
    """`plain` or `full` (a training checkpoint)."""
    key: str | None
    """The key that it lies under, if it was chosen among several or asked for."""
    taken: str
    """Key and prefix, in words; empty where the file is the network."""
    others: tuple[str, ...]
    """Keys and prefixes of the other networks."""


def choose_network(raw: Mapping[str, Any], path: Path, key: str) -> Network:
    """Take one network's tensors out of what a file holds.

    Args:
        raw: the dictionary that the file holds.
        path: the file, for messages.
        key: a key of `raw`, or a part of a prefix, such as `student_backbone`. `teacher` and
            `student` are taken where there is such a network, else the file's own.

    Raises:
        InputError: there is no such network, or none at all.
    """
    keys = [name for name, value in raw.items() if _has_tensors(value)]
    full = "teacher" in raw or "student" in raw
    named = key in raw
    if (full or named) and not isinstance(raw.get(key), Mapping):
        raise InputError(_no_network(path, key, [k for k in raw if isinstance(raw[k], Mapping)]))
    wrapper = key if named else next((name for name in _WRAPPERS if name in keys), None)
    if wrapper is None and not _has_tensors(raw) and keys:
        if len(keys) > 1:
            raise InputError(
                f"{path} holds several sets of tensors: {', '.join(map(str, keys))}; say which to "
                "take with --checkpoint-key"
            )
        wrapper = keys[0]
    tensors = _unwrapped(raw if wrapper is None else raw[wrapper])
    prefix, prefixes = _choose_prefix(tensors, key)
    if key not in {PREFERRED, "student", wrapper} and not _names_prefix(prefix, key):
        raise InputError(_no_network(path, key, [*keys, *(p.strip(".") for p in prefixes if p)]))
    taken = ", ".join(str(word) for word in (wrapper, prefix.strip(".")) if word)
    others = [str(name) for name in keys if name != wrapper] if wrapper else []
    others += [p.strip(".") for p in prefixes if p and p != prefix]
    return Network(
        _behind(tensors, prefix, prefixes),
        "full" if full and named else "plain",
        wrapper if full and named else None,
        taken,
        tuple(others),
    )


def words_of(raw: Mapping[str, Any], network: Network) -> dict[str, str]:
    """Return what a file says of its network: settings of its training, its architecture."""
    words: dict[str, str] = {}
    for name in _WORDS:
        value = raw.get(name)
        values = vars(value) if isinstance(value, argparse.Namespace) else value
        if isinstance(values, Mapping) and not _has_tensors(values):
            words.update({str(k): str(v)[:_LONGEST_WORD] for k, v in values.items()})
    if isinstance(raw.get("arch"), str):
        words["arch"] = raw["arch"]
    if isinstance(raw.get("epoch"), int):
        words["epoch"] = str(raw["epoch"])
    parts = set(re.split(r"[. ]+", network.taken))
    first = network.tensors.get("patch_embed.proj.weight")
    small = words.get("arch") == "vit_small" and first is not None and len(first) == _SMALL_WIDTH
    if small and parts & {"base_encoder", "momentum_encoder"}:
        words.setdefault("num_heads", "12")  # MoCo-v3's ViT-S, of the same name and width as DINO's
    return words


def _has_tensors(value: Any) -> bool:
    return isinstance(value, Mapping) and (
        any(isinstance(v, Tensor) for v in value.values())
        or any(name in value and _has_tensors(value[name]) for name in _WRAPPERS)
    )


def _unwrapped(mapping: Mapping[str, Any]) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(mapping.get(wrapper), Mapping):
            return _unwrapped(mapping[wrapper])
    return {str(name): value for name, value in mapping.items() if isinstance(value, Tensor)}


def _choose_prefix(tensors: Mapping[str, Tensor], key: str) -> tuple[str, list[str]]:
    """Return the prefix of the network to take, and those of all there are."""
    for layer in _FIRST_LAYERS:
        prefixes = [
            _before_embeddings(name.removesuffix(layer))
            for name in tensors
            if name == layer or name.endswith(f".{layer}")
        ]
        if prefixes:
            return min(prefixes, key=lambda prefix: _rank(prefix, key)), prefixes
    return "", [""]


def _before_embeddings(prefix: str) -> str:
    """Leave out the module in which the Hugging Face's ViTs have their first layer."""
    return prefix.removesuffix("embeddings.")


def _rank(prefix: str, key: str) -> tuple[int, int]:
    parts = set(re.split(r"[._]", prefix))
    if _names_prefix(prefix, key) or key in parts:
        return 0, len(prefix)
    return 2 if parts & _COPIES else 1, len(prefix)


def _names_prefix(prefix: str, key: str) -> bool:
    """Whether a key is a prefix or a whole part of it: `module.encoder_q` or `encoder_q`."""
    return f".{key}." in f".{prefix}"


def _behind(tensors: Mapping[str, Tensor], prefix: str, prefixes: list[str]) -> dict[str, Tensor]:
    """Return the tensors of one network, without prefix."""
    if prefix:
        return {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)}
    others = tuple(p for p in prefixes if p)
    return {_strip(n): t for n, t in tensors.items() if not (others and n.startswith(others))}


def _strip(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return _strip(name[len(prefix) :])
    return name


def _no_network(path: Path, key: str, networks: list[str]) -> str:
    listed = ", ".join(sorted(map(str, networks))) or "one network without a name"
    return f"{path} holds no {key!r} network; it holds: {listed}"
