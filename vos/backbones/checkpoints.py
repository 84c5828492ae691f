"""Safe reading of every checkpoint layout, what a checkpoint holds, and loading it whole.

Layouts (DINO's public code; Caron et al. 2021): a plain state dict of a backbone; a full training
checkpoint, whose `teacher` (or `student`) holds `backbone.*` beside a head, under `module.` if it
was trained in parallel; timm's safetensors. A `.pth` file is a pickle and is read with PyTorch's
restricted unpickler alone, so that it cannot run code.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from vos.backbones.checkpoint_layouts.finite import check_finite
from vos.backbones.checkpoint_layouts.pickles import first_line, read_pickle
from vos.errors import InputError
from vos.files import sha256_of

StateDict = dict[str, Tensor]
HEAD_WIDTH = 64
"""Width of one attention head in every published DINO ViT."""
_PREFIXES = ("module.", "backbone.", "_orig_mod.")
_HEADS = ("head.", "fc.", "classifier.", "predictor.")
_UNSUPPORTED_VIT = {
    "reg_token": "register tokens",
    "register_tokens": "register tokens",
    "dist_token": "a distillation token",
    "mask_token": "a mask token",
    "blocks.0.ls1.gamma": "layer scale",
    "blocks.0.attn.q_norm.weight": "query-key normalisation",
}


@dataclass(frozen=True)
class ViTShape:
    """A plain ViT's architecture, read off its tensors."""

    patch_size: int
    embed_dim: int
    depth: int
    num_heads: int
    in_chans: int
    grid: int
    """Side n of the square grid of position embeddings (N = n * n patches)."""


@dataclass(frozen=True)
class Checkpoint:
    """A backbone's tensors and what the file says of itself."""

    path: Path
    layout: str
    """`plain`, `full` (a training checkpoint) or `safetensors`."""
    state: StateDict = field(repr=False)
    """The backbone's tensors by timm's names, without heads and prefixes."""
    metadata: Mapping[str, str]
    """Text fields of a safetensors header, or `arch` and the like of a training checkpoint."""
    key: str | None = None
    """Which network of a training checkpoint was taken: `teacher` or `student`."""

    @property
    def vit(self) -> ViTShape | None:
        """The ViT's shape, or None if the tensors are not a ViT's.

        Raises:
            InputError: a ViT of a kind that the protocol's ViT is not (registers, layer scale).
        """
        return vit_shape(self.state, self.path, self.metadata)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file, in hexadecimal; computed once."""
        return sha256_of(self.path)

    @property
    def parameters(self) -> int:
        """Number of weights, buffers left out as far as names tell."""
        names = (n for n in self.state if not n.endswith(("running_mean", "running_var")))
        return sum(self.state[n].numel() for n in names if self.state[n].is_floating_point())


def read_file(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint file as it is, without running any code that it carries.

    Args:
        path: `.safetensors`, or a file written by `torch.save`.

    Returns:
        The dictionary that the file holds; tensors are on the CPU.

    Raises:
        InputError: there is no such file, it is damaged, it holds something else than a
            dictionary, or its pickle asks for anything beyond tensors, plain containers,
            settings, numbers and paths.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the path of a .pth or .safetensors file")
    if path.suffix == ".safetensors":
        return dict(_read_safetensors(path)[0])
    loaded = read_pickle(path)
    if not isinstance(loaded, dict):
        raise InputError(
            f"{path} holds a {type(loaded).__name__}; expected a dictionary of tensors "
            "(a state dict) or of a training run"
        )
    return dict(loaded)


def load_checkpoint(path: str | Path, *, key: str = "teacher") -> Checkpoint:
    """Read a backbone from any layout.

    Args:
        path: the file.
        key: which network of a full training checkpoint to take, `teacher` or `student`.

    Raises:
        InputError: see `read_file`; no backbone's tensors are in it; or some are not finite.
    """
    path = Path(path)
    if path.suffix == ".safetensors" and path.is_file():
        state, metadata = _read_safetensors(path)
        return Checkpoint(path, "safetensors", _backbone_tensors(state, path), metadata)
    return backbone_of(read_file(path), path, key=key)


def backbone_of(raw: dict[str, Any], path: Path, *, key: str = "teacher") -> Checkpoint:
    """Take the backbone out of what `read_file` gave.

    Args:
        raw: the dictionary that the file holds.
        path: the file, for messages.
        key: which network of a full training checkpoint to take, `teacher` or `student`.

    Raises:
        InputError: no such network, or no backbone's tensors are in it.
    """
    if "teacher" in raw or "student" in raw:
        if not isinstance(raw.get(key), Mapping):
            networks = ", ".join(sorted(k for k in raw if isinstance(raw[k], Mapping)))
            raise InputError(f"{path} holds no {key!r} network; it holds: {networks}")
        state = _backbone_tensors(raw[key], path)
        return Checkpoint(path, "full", state, _run_metadata(raw), key)
    for wrapper in ("state_dict", "model"):
        if isinstance(raw.get(wrapper), Mapping):
            raw = dict(raw[wrapper])
    return Checkpoint(path, "plain", _backbone_tensors(raw, path), {})


def vit_shape(
    state: StateDict, path: Path | str = "checkpoint", metadata: Mapping[str, str] | None = None
) -> ViTShape | None:
    """Read a ViT's architecture off its tensors; None if they are not a ViT's.

    Heads are width / 64 unless `metadata` has `num_heads`.

    Raises:
        InputError: it is a ViT, but not DINO's plain one.
    """
    projection = state.get("patch_embed.proj.weight")
    if projection is None or "pos_embed" not in state or "cls_token" not in state:
        return None
    for name, part in _UNSUPPORTED_VIT.items():
        if name in state:
            raise InputError(
                f"{path} is a ViT with {part}, which DINO's ViT has not; load it through timm "
                "(--backbone timm:NAME --weights FILE)"
            )
    if projection.ndim != 4:
        raise InputError(f"{path}: patches of {projection.ndim - 2} dimensions; expected images' 2")
    width, in_chans, patch, _ = projection.shape
    blocks = {int(m[1]) for n in state if (m := re.match(r"blocks\.(\d+)\.", n))}
    grid = round((state["pos_embed"].shape[1] - 1) ** 0.5)
    if not blocks or grid * grid != state["pos_embed"].shape[1] - 1:
        raise InputError(
            f"{path}: blocks {sorted(blocks)} and {state['pos_embed'].shape[1]} position "
            "embeddings are not those of a ViT with a class token and a square grid"
        )
    stated_heads = (metadata or {}).get("num_heads")
    heads = int(stated_heads) if stated_heads else max(1, width // HEAD_WIDTH)
    return ViTShape(patch, width, max(blocks) + 1, heads, in_chans, grid)


def load_strictly(network: nn.Module, state: StateDict, name: str, source: str) -> None:
    """Load a backbone's tensors; heads aside, every name and shape must fit.

    Raises:
        InputError: they are weights of another architecture; the message counts what differs.
    """
    own = network.state_dict()
    missing = sorted(set(own) - set(state))
    strange = sorted(set(state) - set(own))
    shapes = [n for n in own if n in state and own[n].shape != state[n].shape]
    if missing or strange or shapes:
        parts = [
            f"{len(names)} {what} (such as {names[0]})"
            for what, names in (
                ("tensors missing", missing),
                ("tensors unknown", strange),
                ("tensors of another shape", shapes),
            )
            if names
        ]
        raise InputError(
            f"{source} holds weights of another architecture than {name}: {', '.join(parts)}"
        )
    network.load_state_dict(state)


def _read_safetensors(path: Path) -> tuple[StateDict, dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as handle:
            state = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
            return state, dict(handle.metadata() or {})
    except SafetensorError as error:
        raise InputError(
            f"{path} cannot be read as safetensors ({first_line(error)}); it is damaged or cut "
            "short. Download or copy it again"
        ) from None


def _backbone_tensors(mapping: Mapping[str, Any], path: Path) -> StateDict:
    state: StateDict = {}
    for name, value in mapping.items():
        if not isinstance(value, Tensor):
            continue
        short = _strip(str(name))
        if not short.startswith(_HEADS):
            state[short] = value
    if not state:
        kinds = ", ".join(sorted(map(str, mapping))[:8]) or "nothing"
        raise InputError(f"{path} holds no tensors of a backbone; it holds: {kinds}")
    check_finite(state, path)
    return state


def _strip(name: str) -> str:
    while True:
        for prefix in _PREFIXES:
            if name.startswith(prefix):
                name = name[len(prefix) :]
                break
        else:
            return name


def _run_metadata(raw: Mapping[str, Any]) -> dict[str, str]:
    args = raw.get("args")
    values = vars(args) if isinstance(args, argparse.Namespace) else args
    metadata = {k: str(v) for k, v in values.items()} if isinstance(values, Mapping) else {}
    if isinstance(raw.get("epoch"), int):
        metadata["epoch"] = str(raw["epoch"])
    return metadata
