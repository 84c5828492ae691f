"""Networks with their weights, built from a backbone's name or from a checkpoint file.

Features follow Caron et al. 2021, section 4.2: the patch tokens of the last block after the final
norm.
"""

from __future__ import annotations

from pathlib import Path

import torch

from vos.backbones.adapters.functions import from_function
from vos.backbones.adapters.onnx_file import OnnxBackbone
from vos.backbones.backbone import Backbone
from vos.backbones.checkpoint_layouts.names import timm_model
from vos.backbones.checkpoint_layouts.vit_shape import HEAD_WIDTH
from vos.backbones.checkpoints import Checkpoint, ViTShape, load_checkpoint, load_strictly
from vos.backbones.dino import DinoViT
from vos.backbones.efficientnet_lite0 import EfficientNetLite0
from vos.backbones.networks.vit import ARCHITECTURES, VisionTransformer, build_vit
from vos.backbones.registry import named
from vos.backbones.timm_models import timm_backbone
from vos.backbones.weights import DownloadProgress, find_weights
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError

_TIMM = "timm:"
_UNTRAINED_SEED = 0


def by_name(
    name: str, weights_dir: str | Path | None, stride: int, progress: DownloadProgress | None
) -> Backbone:
    """Build a named backbone and load its own weights, downloaded if need be.

    Raises:
        InputError: an unknown name; no weights, or weights that do not fit.
    """
    if name.startswith(_TIMM):
        return timm_backbone(name[len(_TIMM) :], None, stride=stride, untrained=False)
    if name == "efficientnet_lite0":
        return EfficientNetLite0()
    path = find_weights(name, weights_dir, progress=progress)
    return _from_checkpoint(name, load_checkpoint(path), stride)


def by_function(name: str) -> Backbone:
    """Return the backbone that a function makes; see `vos.backbones.adapters.functions`.

    Raises:
        InputError: there is no such function, it fails, or it returns something else.
    """
    return from_function(name)


def by_onnx(path: str) -> Backbone:
    """Return the backbone of an ONNX file; see `vos.backbones.adapters.onnx_file`.

    Raises:
        InputError: onnxruntime is not installed, or the file cannot be used.
    """
    return OnnxBackbone(path)


def untrained(name: str, stride: int) -> Backbone:
    """Build a named backbone with its architecture's random start.

    Raises:
        InputError: an unknown name.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_UNTRAINED_SEED)
        if name.startswith(_TIMM):
            return timm_backbone(name[len(_TIMM) :], None, stride=stride, untrained=True)
        entry = named(name)
        if entry.packaged:
            return EfficientNetLite0(untrained=True)
        record = WeightsRecord(name, "untrained", None, "none")
        return DinoViT(build_vit(entry.arch, entry.patch_size), record)


def from_file(
    name: str | None, weights: str | Path, key: str, stride: int, heads: int | None = None
) -> Backbone:
    """Build the architecture of a checkpoint file, or a named one, and load the file into it.

    Args:
        name: the backbone's name; None takes the architecture off the file.
        weights: the file.
        key: which network of it to take.
        stride: for a CNN of timm, the coarsest feature level to take.
        heads: attention heads of a ViT; None takes the file's word, or width / 64.

    Raises:
        InputError: the file cannot be read, or does not fit the name.
    """
    checkpoint = load_checkpoint(weights, key=key)
    if heads is None:
        return _from_checkpoint(name, checkpoint, stride)
    if (name or "").startswith(_TIMM) or "patch_embed.proj.weight" not in checkpoint.state:
        raise InputError(
            f"heads {heads} go with a ViT of a weights file alone; timm's models and CNNs have "
            "their own. Leave them out"
        )
    return _from_checkpoint(name, checkpoint.with_heads(heads), stride)


def placed(backbone: Backbone, device: torch.device, dtype: torch.dtype) -> Backbone:
    """Bring a backbone to its device and precision, in the memory layout that is fastest there."""
    backbone.place(device, dtype)
    if backbone.runs_channels_last:
        backbone = backbone.to(memory_format=torch.channels_last)
    return backbone


def _from_checkpoint(name: str | None, checkpoint: Checkpoint, stride: int) -> Backbone:
    if name is not None and name.startswith(_TIMM):
        return timm_backbone(name[len(_TIMM) :], checkpoint, stride=stride, untrained=False)
    known = timm_model(checkpoint.state) if name is None else None
    if known is not None:  # with parts that DINO's ViT has not
        return timm_backbone(known, checkpoint, stride=stride, untrained=False)
    shape = checkpoint.vit
    if shape is None:
        return _other_architecture(name, checkpoint, stride)
    if name is not None:
        _require_architecture(name, shape, checkpoint)
    network = VisionTransformer(
        shape.patch_size,
        shape.embed_dim,
        shape.depth,
        shape.num_heads,
        in_chans=shape.in_chans,
        img_size=shape.grid * shape.patch_size,
        registers=shape.registers,
    )
    if shape.in_chans not in (1, 3):
        raise InputError(
            f"{checkpoint.path} takes {shape.in_chans} channels; frames have 3 (RGB), or 1 as gray"
        )
    load_strictly(network, checkpoint.state, "the ViT of its shapes", str(checkpoint.path))
    return DinoViT(network, WeightsRecord.of(checkpoint, name or _describe(shape)))


def _other_architecture(name: str | None, checkpoint: Checkpoint, stride: int) -> Backbone:
    """Take the architecture from the file's own word where the tensors are not a ViT's."""
    if name is not None:
        named(name)
        raise InputError(
            f"{checkpoint.path} holds weights of another architecture than {name}: they are not a "
            "ViT's. Leave --backbone out, or give it as timm:NAME"
        )
    arch = checkpoint.metadata.get("arch")
    if arch is None and "layer4.2.conv3.weight" in checkpoint.state:
        arch = "resnet50"
    if arch is None:
        raise InputError(
            f"{checkpoint.path} does not say its architecture, and its tensors are not a ViT's; "
            "say it with --backbone timm:NAME"
        )
    return timm_backbone(arch.removeprefix(_TIMM), checkpoint, stride=stride, untrained=False)


def _require_architecture(name: str, shape: ViTShape, checkpoint: Checkpoint) -> None:
    entry = named(name)
    dims = (shape.patch_size, shape.embed_dim, shape.depth)
    if dims != (entry.patch_size, entry.embed_dim, entry.depth):
        raise InputError(
            f"{checkpoint.path} holds weights of another architecture than {name}: patch "
            f"{shape.patch_size}, width {shape.embed_dim}, {shape.depth} blocks, where {name} has "
            f"patch {entry.patch_size}, width {entry.embed_dim}, {entry.depth} blocks. "
            "Leave --backbone out to take the file's own architecture"
        )
    heads = None if entry.packaged else ARCHITECTURES[entry.arch][2]
    if not shape.heads_assumed and heads not in {None, shape.num_heads}:
        raise InputError(
            f"{checkpoint.path} is a ViT of {shape.num_heads} heads, and {name} has {heads}. Leave "
            "--backbone out to take the file's own architecture"
        )


def _describe(shape: ViTShape) -> str:
    dims = (shape.embed_dim, shape.depth, shape.num_heads)
    arch = next((a for a, known in ARCHITECTURES.items() if known == dims), None)
    if arch is None:
        arch = "vit_{}x{}".format(*dims[:2])
        if shape.num_heads != max(1, shape.embed_dim // HEAD_WIDTH):
            arch += f"_heads{shape.num_heads}"
    return f"{arch}_patch{shape.patch_size}"
