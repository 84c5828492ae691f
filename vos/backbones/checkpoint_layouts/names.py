"""The tensors of a ViT by timm's names, from those of Hugging Face, torchvision and mmpretrain.

Shapes: D width.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

StateDict = dict[str, Tensor]

HEADS = (
    "head.", "head_dist.", "heads.", "fc.", "classifier.", "predictor.", "pooler.", "lm_head.",
    "projector.", "decoder.", "decoder_embed.", "decoder_blocks.", "decoder_norm.",
    "decoder_pred.", "decoder_pos_embed",
)  # fmt: skip
"""How the names begin of what stands behind a backbone."""
MASK_TOKENS = {"mask_token", "masked_embed"}
"""Tokens in place of masked patches, which no whole picture has."""

_Rules = tuple[tuple[str, str], ...]
_HUGGING_FACE: _Rules = (
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.", ""),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.attention\.attention\.", ".attn."),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"\.output\.dense\.", ".mlp.fc2."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.layer_scale(\d)\.lambda1$", r".ls\1.gamma"),
    (r"\.mlp\.weights_in\.", ".mlp.w12."),
    (r"\.mlp\.weights_out\.", ".mlp.w3."),
    (r"^layernorm\.", "norm."),
)
_TORCHVISION: _Rules = (
    (r"^class_token$", "cls_token"),
    (r"^conv_proj\.", "patch_embed.proj."),
    (r"^encoder\.pos_embedding$", "pos_embed"),
    (r"^encoder\.layers\.encoder_layer_", "blocks."),
    (r"\.ln_(\d)\.", r".norm\1."),
    (r"\.self_attention\.in_proj_", ".attn.qkv."),
    (r"\.self_attention\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.(?:linear_1|0)\.", ".mlp.fc1."),
    (r"\.mlp\.(?:linear_2|3)\.", ".mlp.fc2."),
    (r"^encoder\.ln\.", "norm."),
)
_MMPRETRAIN: _Rules = (
    (r"^patch_embed\.projection\.", "patch_embed.proj."),
    (r"^layers\.", "blocks."),
    (r"\.ln(\d)\.", r".norm\1."),
    (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
    (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
    (r"\.gamma(\d)\.weight$", r".ls\1.gamma"),
    (r"^ln1\.", "norm."),
)
_DINO_V2: _Rules = ((r"^blocks\.\d+\.(\d+)\.", r"blocks.\1."),)  # blocks in chunks, for training
_MARKS: tuple[tuple[str, str, _Rules], ...] = (
    ("embeddings.patch_embeddings.projection.weight", "Hugging Face", _HUGGING_FACE),
    ("conv_proj.weight", "torchvision", _TORCHVISION),
    ("layers.0.ln1.weight", "mmpretrain", _MMPRETRAIN),
)
_DINO_V2_SIZES = {(384, 12): "small", (768, 12): "base", (1024, 24): "large", (1536, 40): "giant"}


def by_timm_names(tensors: Mapping[str, Tensor]) -> tuple[StateDict, str]:
    """Bring a backbone's tensors to timm's names, without heads and decoder.

    Args:
        tensors: any shapes, by the names of one of the layouts.

    Returns:
        The tensors, queries, keys and values joined as (3 * D, ...); and whose names they had:
        `timm`, `MAE`, `DINOv2`, `Hugging Face`, `torchvision` or `mmpretrain`.
    """
    origin, rules = next(
        ((name, rules) for mark, name, rules in _MARKS if mark in tensors), ("timm", ())
    )
    if any(re.match(r"blocks\.\d+\.\d+\.", name) for name in tensors):
        rules = _DINO_V2
    state = _fused({_renamed(n, rules): t for n, t in tensors.items() if not n.startswith(HEADS)})
    if origin == "timm" and any(name.startswith("decoder_") for name in tensors):
        origin = "MAE"
    if origin == "timm" and timm_model(state):
        origin = "DINOv2"
    plain = {"pos_embed", "cls_token"} <= state.keys() and not unsupported_part(state)
    if plain:
        state = {name: tensor for name, tensor in state.items() if name not in MASK_TOKENS}
    return state, origin


_UNSUPPORTED = {
    "reg_token": "register tokens",
    "register_tokens": "register tokens",
    "dist_token": "a distillation token",
    "blocks.0.ls1.gamma": "layer scale",
    "blocks.0.attn.q_norm.weight": "query-key normalisation",
}


def unsupported_part(state: Mapping[str, Tensor]) -> str | None:
    """Return what a ViT has that DINO's ViT has not, in words; None if it is a plain one."""
    return next((part for name, part in _UNSUPPORTED.items() if name in state), None)


def timm_model(state: Mapping[str, Tensor]) -> str | None:
    """Return timm's name of a ViT that timm alone can build, by its tensors; None if unknown."""
    projection = state.get("patch_embed.proj.weight")
    if projection is None or projection.ndim != 4:
        return None
    width, patch = projection.shape[0], projection.shape[2]
    depth = len({m[1] for n in state if (m := re.match(r"blocks\.(\d+)\.", n))})
    if "dist_token" in state and (patch, depth) == (16, 12):
        size = {192: "tiny", 384: "small", 768: "base"}.get(width)
        return f"deit_{size}_distilled_patch16_224" if size else None
    size = _DINO_V2_SIZES.get((width, depth))
    if size and patch == 14 and "blocks.0.ls1.gamma" in state:
        registers = "_reg4" if {"reg_token", "register_tokens"} & state.keys() else ""
        return f"vit_{size}_patch14{registers}_dinov2"
    return None


def _renamed(name: str, rules: _Rules) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _fused(state: StateDict) -> StateDict:
    """Join queries, keys and values, three linear layers, into one."""
    fused: StateDict = {}
    for name, tensor in state.items():
        part = re.fullmatch(r"(.+\.attn\.)(query|key|value)\.(weight|bias)", name)
        if part is None:
            fused[name] = tensor
            continue
        names = [f"{part[1]}{kind}.{part[3]}" for kind in ("query", "key", "value")]
        if part[2] == "query" and all(n in state for n in names):
            fused[f"{part[1]}qkv.{part[3]}"] = torch.cat([state[n] for n in names])  # (3 * D, ...)
        elif not all(n in state for n in names):
            fused[name] = tensor
    return fused
