"""A ViT's architecture, read off its tensors and the file's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vos.backbones.checkpoint_layouts.names import StateDict, timm_model, unsupported_part
from vos.backbones.networks.vit import ARCHITECTURES
from vos.errors import InputError

HEAD_WIDTH = 64
"""Width of one attention head in every published DINO ViT."""
_HEAD_WORDS = ("num_heads", "num_attention_heads", "n_heads", "heads")


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
    heads_assumed: bool = False
    """Whether the heads are width / 64 because nothing says how many there are."""
    registers: int = 0
    """Tokens beside the class token that no patch belongs to; of our own training alone."""


def vit_shape(
    state: StateDict, path: Path | str = "checkpoint", metadata: Mapping[str, str] | None = None
) -> ViTShape | None:
    """Read a ViT's architecture off its tensors; None if they are not a ViT's.

    Heads are those that `metadata` says, or those of the published architecture that it names, or
    else width / 64, which is then marked as assumed.

    Raises:
        InputError: it is a ViT, but not DINO's plain one; or its heads do not divide its width.
    """
    projection = state.get("patch_embed.proj.weight")
    if projection is None or "pos_embed" not in state or "cls_token" not in state:
        return None
    part = unsupported_part(state)
    if part is not None:
        raise InputError(
            f"{path} is a ViT with {part}, which DINO's ViT has not; load it through timm "
            f"(--backbone timm:{timm_model(state) or 'NAME'} --weights FILE)"
            + ("" if timm_model(state) else ", NAME being the model of timm that it is")
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
    depth = max(blocks) + 1
    stated = _stated_heads(metadata or {}, width, depth)
    heads = stated or max(1, width // HEAD_WIDTH)
    if width % heads:
        raise InputError(
            f"{path}: {heads} heads do not divide the width {width}; say how many the network has "
            "with --heads"
        )
    registers = state["registers"].shape[1] if "registers" in state else 0
    return ViTShape(patch, width, depth, heads, in_chans, grid, stated is None, registers)


def _stated_heads(words: Mapping[str, str], width: int, depth: int) -> int | None:
    for word in _HEAD_WORDS:
        value = str(words.get(word, ""))
        if value.isdecimal() and int(value) > 0:
            return int(value)
    dims = ARCHITECTURES.get(words.get("arch", ""))
    return dims[2] if dims is not None and dims[:2] == (width, depth) else None
