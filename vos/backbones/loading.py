"""Frozen feature extractors by name: DINO's ViTs, any model of timm, the built-in CNN.

Features follow Caron et al. 2021, section 4.2: the patch tokens of the last block after the final
norm. Shapes: B batch, D width, H' W' pixels of the network's input, h w patches.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from vos.backbones.backbone import Backbone
from vos.backbones.checkpoints import Checkpoint, ViTShape, load_checkpoint, load_strictly
from vos.backbones.dino import DinoViT
from vos.backbones.efficientnet_lite0 import EfficientNetLite0
from vos.backbones.networks.vit import ARCHITECTURES, VisionTransformer, build_vit
from vos.backbones.registry import named
from vos.backbones.timm_models import timm_backbone
from vos.backbones.weights import DownloadProgress, find_weights
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError
from vos.files import sha256_of
from vos.runtime.devices import Precision, resolve_device, resolve_precision
from vos.runtime.progress import Advance, progress

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_BACKBONE",
    "Backbone",
    "BackboneOptions",
    "DinoViT",
    "EfficientNetLite0",
    "VisionTransformer",
    "build_vit",
    "load_backbone",
]


DEFAULT_BACKBONE = "dino_vits8"
_TIMM = "timm:"
_UNTRAINED_SEED = 0


@dataclass(frozen=True)
class BackboneOptions:
    """Which backbone to load, and where to run it: the options of `load_backbone`."""

    backbone: str | None = None
    """Name of the backbone: dino_vits8, dino_vits16, dino_vitb8, dino_vitb16, efficientnet_lite0,
    or timm:NAME. Without it, what --weights holds, else dino_vits8."""
    weights: Path | None = None
    """Checkpoint file to use: .pth (plain or full training checkpoint) or .safetensors."""
    weights_dir: Path | None = None
    """Folder where named weights are looked for first, and downloaded to."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: Precision = "auto"
    """auto is bf16 where the hardware has it, else fp32 (fp16 on older GPUs)."""
    checkpoint_key: str = "teacher"
    """Which network of a training checkpoint to take: teacher or student."""
    feature_stride: int = 8
    """For a CNN of timm: the coarsest feature level to take, in pixels."""
    untrained: bool = False
    """Keep the architecture's random start (seed 0), as a baseline."""

    def load(self, progress: DownloadProgress | None = None) -> Backbone:
        """Load it; see `load_backbone`."""
        name = self.backbone or (None if self.weights else DEFAULT_BACKBONE)
        return load_backbone(
            name,
            weights=self.weights,
            weights_dir=self.weights_dir,
            device=self.device,
            precision=self.precision,
            checkpoint_key=self.checkpoint_key,
            feature_stride=self.feature_stride,
            untrained=self.untrained,
            progress=progress,
        )


def load_backbone(
    name: str | None = None,
    *,
    weights: str | Path | None = None,
    weights_dir: str | Path | None = None,
    device: str | torch.device = BackboneOptions.device,
    precision: str = BackboneOptions.precision,
    checkpoint_key: str = BackboneOptions.checkpoint_key,
    feature_stride: int = BackboneOptions.feature_stride,
    untrained: bool = BackboneOptions.untrained,
    progress: DownloadProgress | None = None,
) -> Backbone:
    """Load a frozen backbone, in evaluation mode, on its device and in its precision.

    Args:
        name: `dino_vits16`, `dino_vits8`, `dino_vitb16`, `dino_vitb8`, `efficientnet_lite0`, or
            `timm:NAME`. With `weights` it may be left out: the architecture is then read off the
            file; if it is given, the file has to fit it.
        weights: a checkpoint of any layout (see `vos.backbones.checkpoints`).
        weights_dir: where named weights are looked for first, and downloaded to.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        precision: `auto`, `fp32`, `bf16` or `fp16`.
        checkpoint_key: which network of a training checkpoint to take, `teacher` or `student`.
        feature_stride: for a CNN of timm, the coarsest feature level to take, in pixels.
        untrained: keep the architecture's random start (seed 0), as a baseline.
        progress: called during a download.

    Raises:
        InputError: an unknown name, device or precision; no weights; weights that do not fit.
    """
    if name is None and weights is None:
        raise InputError("give a backbone's name or a weights file")
    target = resolve_device(device)
    dtype = resolve_precision(precision, target)
    if untrained:
        if weights is not None:
            raise InputError(f"untrained and weights {weights} exclude each other; give one")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_UNTRAINED_SEED)
            backbone = _untrained(name or "", feature_stride)
    elif weights is None:
        backbone = _by_name(name or "", weights_dir, feature_stride, progress)
    else:
        checkpoint = load_checkpoint(weights, key=checkpoint_key)
        backbone = _from_checkpoint(name, checkpoint, feature_stride)
    backbone.place(target, dtype)
    if not isinstance(backbone, DinoViT):  # convolutions run faster with channels last
        backbone = backbone.to(memory_format=torch.channels_last)
    return backbone


def _by_name(
    name: str, weights_dir: str | Path | None, stride: int, progress: DownloadProgress | None
) -> Backbone:
    if name.startswith(_TIMM):
        return timm_backbone(name[len(_TIMM) :], None, stride=stride, untrained=False)
    if name == "efficientnet_lite0":
        return EfficientNetLite0()
    path = find_weights(name, weights_dir, progress=progress)
    return _from_checkpoint(name, load_checkpoint(path), stride)


def _untrained(name: str, stride: int) -> Backbone:
    if name.startswith(_TIMM):
        return timm_backbone(name[len(_TIMM) :], None, stride=stride, untrained=True)
    entry = named(name)
    if entry.packaged:
        return EfficientNetLite0(untrained=True)
    record = WeightsRecord(name, "untrained", None, "none")
    return DinoViT(build_vit(entry.arch, entry.patch_size), record)


def _from_checkpoint(name: str | None, checkpoint: Checkpoint, stride: int) -> Backbone:
    if name is not None and name.startswith(_TIMM):
        return timm_backbone(name[len(_TIMM) :], checkpoint, stride=stride, untrained=False)
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
    )
    if shape.in_chans != 3:
        raise InputError(f"{checkpoint.path} takes {shape.in_chans} channels; frames have 3 (RGB)")
    load_strictly(network, checkpoint.state, "the ViT of its shapes", str(checkpoint.path))
    record = WeightsRecord(
        name or _describe(shape),
        str(checkpoint.path),
        sha256_of(checkpoint.path),
        checkpoint.layout,
    )
    return DinoViT(network, record)


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
    have = (shape.patch_size, shape.embed_dim, shape.depth)
    if have != (entry.patch_size, entry.embed_dim, entry.depth):
        raise InputError(
            f"{checkpoint.path} holds weights of another architecture than {name}: patch "
            f"{shape.patch_size}, width {shape.embed_dim}, {shape.depth} blocks, where {name} has "
            f"patch {entry.patch_size}, width {entry.embed_dim}, {entry.depth} blocks. "
            "Leave --backbone out to take the file's own architecture"
        )


def _describe(shape: ViTShape) -> str:
    dims = (shape.embed_dim, shape.depth, shape.num_heads)
    arch = next((a for a, known in ARCHITECTURES.items() if known == dims), None)
    return f"{arch or 'vit_{}x{}'.format(*dims[:2])}_patch{shape.patch_size}"


_MEBIBYTE = 1 << 20


def load_with_progress(options: BackboneOptions) -> Backbone:
    """Load the backbone that the options ask for."""
    with ExitStack() as stack:
        return options.load(DownloadBar(stack))


class DownloadBar:
    """Shows a download in MiB; opens its bar with the first bytes."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._advance: Advance | None = None
        self._shown = 0

    def __call__(self, received: int, total: int | None) -> None:
        """Take (bytes received so far, bytes in all or None)."""
        whole = None if total is None else -(-total // _MEBIBYTE)
        if self._advance is None:
            self._advance = self._stack.enter_context(progress("download", whole, "MiB"))
        now = received // _MEBIBYTE
        if now < self._shown:  # another address, from the start
            self._shown = 0
        self._advance(now - self._shown, total=whole)
        self._shown = now
