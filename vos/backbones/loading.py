"""Frozen feature extractors by name: DINO's ViTs, any model of timm, the built-in CNN, functions.

PyTorch is loaded by the call that loads a backbone, not by this module: command lines read the
options from here, and their help must not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vos.errors import InputError
from vos.runtime.precision import Precision
from vos.runtime.progress import Advance, progress, status

if TYPE_CHECKING:
    import torch
    from torch import nn

    from vos.backbones.backbone import Backbone
    from vos.backbones.weights import DownloadProgress

BackboneSource: TypeAlias = (
    "str | Backbone | nn.Module | Callable[[], Backbone] | Callable[[], nn.Module]"
)
"""What is taken for a backbone; see `as_backbone`."""
DEFAULT_BACKBONE = "dino_vits8"


@dataclass(frozen=True)
class BackboneOptions:
    """Which backbone to load, and where to run it: the options of `load_backbone`."""

    backbone: str | None = None
    """Name of the backbone: dino_vits8, dino_vits16, dino_vitb8, dino_vitb16, efficientnet_lite0,
    timm:NAME, or a function of yours that returns a backbone, or a module with stride, mean and
    std: FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION; or FILE.onnx, as vos export writes it, run by
    onnxruntime. Without it, what --weights holds, else dino_vits8."""
    weights: Path | None = None
    """Checkpoint file to use: .pth (plain or full training checkpoint) or .safetensors."""
    weights_dir: Path | None = None
    """Folder where named weights are looked for first, and downloaded to."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: Precision = "auto"
    """auto is bf16 where the hardware has it, else fp32 (fp16 on older GPUs)."""
    checkpoint_key: str = "teacher"
    """Which network to take where a file holds several: teacher, student, any key of the file, or a
    prefix in it, such as state_dict_ema or momentum_encoder."""
    heads: int | None = None
    """Attention heads of the ViT in --weights. Without it, what the file says, else width / 64; the
    ViT-S of MoCo-v3 has 12."""
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
            heads=self.heads,
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
    heads: int | None = BackboneOptions.heads,
    feature_stride: int = BackboneOptions.feature_stride,
    untrained: bool = BackboneOptions.untrained,
    progress: DownloadProgress | None = None,
) -> Backbone:
    """Load a frozen backbone, in evaluation mode, on its device and in its precision.

    Args:
        name: `dino_vits16`, `dino_vits8`, `dino_vitb16`, `dino_vitb8`, `efficientnet_lite0`, or
            `timm:NAME`; or FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION, a function without
            arguments whose file is run, and which returns a backbone, or a module with `stride`,
            `mean` and `std` (see `vos.wrap_backbone`); or FILE.onnx, as `vos export` writes it,
            which onnxruntime runs on the processor in float32. With `weights` it may be left out:
            the architecture is then read off the file; if it is given, the file has to fit it.
        weights: a checkpoint of any layout (see `vos.backbones.checkpoints`).
        weights_dir: where named weights are looked for first, and downloaded to.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        precision: `auto`, `fp32`, `bf16` or `fp16`.
        checkpoint_key: which network to take where a file holds several: `teacher`, `student`, any
            key of the file, or a prefix in it.
        heads: attention heads of the ViT in `weights`; by default the file's word, or width / 64.
        feature_stride: for a CNN of timm, the coarsest feature level to take, in pixels.
        untrained: keep the architecture's random start (seed 0), as a baseline.
        progress: called during a download.

    Raises:
        InputError: an unknown name, device or precision; no weights; weights that do not fit; a
            function that is not there, fails, or returns something else.
    """
    if is_onnx(weights) and name is None:
        name, weights = str(weights), None
    _check_choice(name, weights, heads, untrained)
    from vos.backbones import building
    from vos.runtime.devices import resolve_device, resolve_precision

    target = resolve_device(device)
    dtype = resolve_precision(precision, target)
    if is_onnx(name):
        backbone = building.by_onnx(name or "")
    elif is_function(name):
        backbone = building.by_function(name or "")
    elif untrained:
        backbone = building.untrained(name or "", feature_stride)
    elif weights is None:
        backbone = building.by_name(name or "", weights_dir, feature_stride, progress)
    else:
        backbone = building.from_file(name, weights, checkpoint_key, feature_stride, heads)
    return building.placed(backbone, target, dtype)


def _check_choice(
    name: str | None, weights: str | Path | None, heads: int | None, untrained: bool
) -> None:
    """Refuse options that exclude each other."""
    if name is None and weights is None:
        raise InputError("give a backbone's name or a weights file")
    if untrained and weights is not None:
        raise InputError(f"untrained and weights {weights} exclude each other; give one")
    if heads is not None and (weights is None or heads < 1):
        raise InputError(f"heads are {heads}; expected 1 or more, together with a weights file")
    if is_onnx(name) and (weights is not None or untrained):
        raise InputError(
            f"{name} holds the network and its weights; leave out weights and untrained"
        )
    if is_function(name) and (weights is not None or untrained):
        raise InputError(
            f"{name} is a function that gives its own weights; leave out weights and untrained"
        )


def as_backbone(given: BackboneSource) -> Backbone:
    """Return a backbone of what a caller gave.

    Args:
        given: a backbone, which is returned as it is; a name for `load_backbone`; a module with
            the attributes `stride`, `mean` and `std`, and perhaps `name` (text), `class_token` (a
            bool) and `registers` (an int), for `vos.wrap_backbone`; or a function that returns
            one of them.

    Raises:
        InputError: it is something else, or cannot be used; the message names its type.
    """
    if isinstance(given, str):
        return load_backbone(given)
    from torch import nn

    from vos.backbones.adapters.modules import backbone_of_module

    if isinstance(given, nn.Module | type) or not callable(given):
        return backbone_of_module(given)
    loaded = given()
    return load_backbone(loaded) if isinstance(loaded, str) else backbone_of_module(loaded)


def is_function(name: str | None) -> bool:
    """Say whether a name is that of a function, FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION."""
    given = name is not None and ":" in name and not name.startswith("timm:")
    return given and not is_onnx(name)


def is_onnx(name: str | Path | None) -> bool:
    """Say whether a name is that of an ONNX file, by its suffix."""
    return name is not None and str(name).lower().endswith(".onnx")


_MEBIBYTE = 1 << 20


def load_with_progress(options: BackboneOptions) -> Backbone:
    """Load the backbone that the options ask for, and say so; the first time takes seconds."""
    status(f"loading {options.backbone or options.weights or DEFAULT_BACKBONE}")
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
