"""What is learnt and how: every hyper-parameter of a pretraining run, checked when it is made.

Names are those of the published DINO code (M. Caron et al., ICCV 2021, section 3 and appendix)
wherever it has one. Where and on what a run runs is in `pretrain.config.run_config`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from vos.errors import InputError

Method = Literal["dino", "byol", "moco_v2", "swav"]
ARCHITECTURES = "vit_tiny, vit_small, vit_base, resnet50, or timm:<name>"
VITS = ("vit_tiny", "vit_small", "vit_base")
ONE_EPOCH_WARMUP = 0.1
"""Share of a run of one epoch in which the learning rate rises, where it would rise for longer."""


@dataclass(frozen=True)
class PretrainConfig:
    """Hyper-parameters of one run; the defaults are the published ones of `main_dino.py`.

    Raises:
        InputError: a value is out of its range, or two values exclude each other.
    """

    arch: str = "vit_small"
    """Backbone: vit_tiny, vit_small, vit_base, resnet50, or timm:<name> for any timm model that
    takes images of any size and gives one pooled feature."""
    patch_size: int = 16
    """Side of a ViT's patches in pixels."""
    in_chans: int = 3
    """Image channels: 3 (RGB) or 1 (grey)."""
    drop_path_rate: float = 0.1
    """Stochastic depth of the student."""
    registers: int = 0
    """Learned tokens beside the class token that no patch belongs to (DINOv2: 4); for ViTs."""

    method: Method = "dino"
    """Objective: dino, or byol, moco_v2, swav on the same backbone and loop."""
    out_dim: int = 65536
    """Outputs of the head (dino), prototypes (swav). Smaller data sets take smaller ones."""
    norm_last_layer: bool = True
    """Hold the gain of the last layer at 1: steadier; large models train better without."""
    use_bn_in_head: bool = False
    """Batch normalisation in the head (synchronised over processes)."""
    head_hidden_dim: int = 2048
    """Width of the head's hidden layers."""
    head_bottleneck_dim: int = 256
    """Width before the last layer; the output width of the byol and moco_v2 heads."""
    head_layers: int = 3
    """Linear layers of the head before the last layer."""
    predictor: bool = False
    """Put a predictor on the student alone (Table 7; byol always has one)."""

    teacher: Literal["momentum", "student", "previous_epoch"] = "momentum"
    """Teacher weights: a moving average of the student's, the student's own (no momentum), or
    the student's at the end of the last epoch (Table 7 and figure 6)."""
    momentum_teacher: float = 0.996
    """First value of the teacher's momentum; a cosine takes it to 1. Small batches need a higher
    one: 0.9995 at a batch of 256."""
    targets: Literal["centering", "sinkhorn"] = "centering"
    """What keeps the teacher's outputs from collapse (Table 7)."""
    loss: Literal["cross_entropy", "mse"] = "cross_entropy"
    """How student and teacher distributions are compared (Table 7)."""
    student_temp: float = 0.1
    """Temperature of the student's softmax."""
    warmup_teacher_temp: float = 0.04
    """Temperature of the teacher's softmax in the first epoch."""
    teacher_temp: float = 0.04
    """Temperature of the teacher's softmax after the warm-up; above 0.07 is unstable."""
    warmup_teacher_temp_epochs: int = 0
    """Epochs of the linear warm-up of the teacher's temperature."""
    center_momentum: float = 0.9
    """Momentum of the center."""
    sinkhorn_iterations: int = 3
    """Rounds of Sinkhorn-Knopp, where it is used."""
    sinkhorn_epsilon: float = 0.05
    """Sharpness of SwAV's codes."""
    queue_size: int = 65536
    """Negatives kept by moco_v2."""
    contrastive_temp: float = 0.2
    """Temperature of the moco_v2 loss."""

    koleo_weight: float = 0.0
    """Weight of KoLeo (DINOv2: 0.1), which spreads the class tokens of each global crop: over the
    images of one batch of one process. 0: none."""

    ibot_weight: float = 0.0
    """Weight of iBOT's loss (published: 1), which has the student tell masked patches of global
    crops as the teacher sees them. 0: none."""
    ibot_head: Literal["own", "shared"] = "own"
    """Head of the patches: one of their own, or that of the class token."""
    ibot_mask_ratio: tuple[float, float] = (0.1, 0.5)
    """Share of a crop's patches that is masked, in blocks."""
    ibot_mask_probability: float = 0.5
    """Share of the global crops that are masked at all."""

    epochs: int = 100
    """Passes over the images."""
    batch_size_per_gpu: int = 64
    """Images a process takes at a time."""
    accumulate: int = 1
    """Batches whose gradients are added up before a step: the step is that of one batch this
    many times larger (exactly so without batch normalisation)."""
    total_batch: int = 0
    """Images a step over all processes: `accumulate` follows from it and from the number of
    processes. 0: batch_size_per_gpu x accumulate x processes. Presets have the published one."""
    optimizer: Literal["adamw", "sgd", "lars"] = "adamw"
    """adamw for a ViT; sgd (momentum 0.9) or lars for a ResNet."""
    lr: float = 0.0005
    """Learning rate at a total batch of 256; scaled in proportion to the total batch."""
    warmup_epochs: float = 10.0
    """Epochs of the linear warm-up of the learning rate; with --epochs 1 a tenth at most."""
    min_lr: float = 1e-6
    """Learning rate at the end; not scaled."""
    weight_decay: float = 0.04
    """First weight decay; a cosine takes it to `weight_decay_end`. Not for biases and norms."""
    weight_decay_end: float = 0.4
    """Last weight decay."""
    clip_grad: float = 3.0
    """Largest norm of each parameter's gradient; 0 switches clipping off."""
    freeze_last_layer: int = 1
    """Epochs during which the last layer stays as it is."""

    global_crops_size: int = 224
    """Side of the two global crops in pixels; the position embedding is learnt for it."""
    global_crops_scale: tuple[float, float] = (0.4, 1.0)
    """Share of the image's area that a global crop covers."""
    local_crops_number: int = 8
    """Local crops an image; 0 trains without multi-crop."""
    local_crops_size: int = 96
    """Side of the local crops in pixels."""
    local_crops_scale: tuple[float, float] = (0.05, 0.4)
    """Share of the image's area that a local crop covers."""

    seed: int = 0
    """One seed gives one run, whatever the number of loader workers."""

    def __post_init__(self) -> None:
        _check_choices(self)
        _check_ranges(self)
        _check_scales(self)
        _check_combinations(self)

    @property
    def is_vit(self) -> bool:
        """Whether the backbone is the ViT that `vos` shares."""
        return self.arch in VITS

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as they are written to JSON and into checkpoints."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in _fields(self).items()}


def with_total_batch(config: PretrainConfig, processes: int) -> PretrainConfig:
    """Return a configuration whose `accumulate` makes its total batch on so many processes.

    Raises:
        InputError: no whole number of batches makes it, or `accumulate` is set to another one.
    """
    total, at_once = config.total_batch, config.batch_size_per_gpu * processes
    if not total:
        return config
    accumulate = total // at_once
    if accumulate * at_once == total and config.accumulate not in (1, accumulate):
        raise InputError(
            f"accumulate is {config.accumulate}, but a total batch of {total} needs {accumulate} "
            f"with batches of {config.batch_size_per_gpu} on {processes} "
            f"process{'es' if processes > 1 else ''}; leave --accumulate out, or give "
            "--total-batch 0 for what batch_size_per_gpu x accumulate x processes gives"
        )
    if accumulate * at_once != total:
        raise InputError(
            f"a total batch of {total} cannot be made of batches of {config.batch_size_per_gpu} on "
            f"{processes} process{'es' if processes > 1 else ''}: "
            "batch_size_per_gpu x processes has to divide it. Give another --batch-size-per-gpu "
            "or --total-batch, or --total-batch 0 for what batch_size_per_gpu x accumulate x "
            "processes gives"
        )
    return dataclasses.replace(config, accumulate=accumulate)


def with_short_warmups(config: PretrainConfig) -> PretrainConfig:
    """Return a configuration of one epoch with warm-ups that fit into it; others as they are.

    A learning rate that would rise for longer than the run rises for a tenth of it, and the
    teacher's temperature, which changes from epoch to epoch, is the last one at once.
    """
    if config.epochs > 1:
        return config
    changes: dict[str, Any] = {}
    if config.warmup_epochs > 1:
        changes["warmup_epochs"] = ONE_EPOCH_WARMUP
    if config.warmup_teacher_temp_epochs > 1:
        changes["warmup_teacher_temp_epochs"] = 0
    return dataclasses.replace(config, **changes)


_NOT_NEGATIVE = ("min_lr", "clip_grad", "warmup_epochs", "koleo_weight", "ibot_weight")


_SHARPNESS = ("contrastive_temp", "sinkhorn_epsilon")


_COUNTS = (
    *("patch_size", "out_dim", "head_hidden_dim", "head_bottleneck_dim", "head_layers"),
    *("epochs", "batch_size_per_gpu", "accumulate", "sinkhorn_iterations", "queue_size"),
)


def _fields(config: PretrainConfig) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


def _refuse(name: str, value: object, expected: str) -> None:
    raise InputError(f"{name} is {value!r}; expected {expected}")


def _check_choices(config: PretrainConfig) -> None:
    choices = {
        "method": ("dino", "byol", "moco_v2", "swav"),
        "teacher": ("momentum", "student", "previous_epoch"),
        "targets": ("centering", "sinkhorn"),
        "loss": ("cross_entropy", "mse"),
        "optimizer": ("adamw", "sgd", "lars"),
        "ibot_head": ("own", "shared"),
        "in_chans": (1, 3),
    }
    for name, allowed in choices.items():
        if getattr(config, name) not in allowed:
            _refuse(name, getattr(config, name), "one of " + ", ".join(map(str, allowed)))
    if not (config.is_vit or config.arch == "resnet50" or config.arch.startswith("timm:")):
        _refuse("arch", config.arch, "one of " + ARCHITECTURES)


def _check_ranges(config: PretrainConfig) -> None:
    for name in _COUNTS:
        _check_at_least(config, name, 1)
    counts = ("warmup_teacher_temp_epochs", "freeze_last_layer", "local_crops_number", "seed")
    for name in (*counts, "total_batch", "registers"):
        _check_at_least(config, name, 0)
    for name in ("student_temp", "teacher_temp", "warmup_teacher_temp", *_SHARPNESS):
        if not 0 < getattr(config, name) <= 1:
            _refuse(name, getattr(config, name), "a temperature above 0, at most 1")
    for name in ("momentum_teacher", "center_momentum", "ibot_mask_probability"):
        if not 0 <= getattr(config, name) <= 1:
            _refuse(name, getattr(config, name), "a number from 0 to 1")
    if not 0 <= config.drop_path_rate < 1:
        _refuse("drop_path_rate", config.drop_path_rate, "a number from 0 to below 1")
    if not 0 < config.lr <= 100:
        _refuse("lr", config.lr, "a learning rate above 0, at most 100")
    for name in (*_NOT_NEGATIVE, "weight_decay", "weight_decay_end"):
        value = getattr(config, name)
        if not (math.isfinite(value) and value >= 0):
            _refuse(name, value, "a finite number, 0 or above")


def _check_at_least(config: PretrainConfig, name: str, least: int) -> None:
    if getattr(config, name) < least:
        _refuse(name, getattr(config, name), f"a whole number, {least} or above")


def _check_scales(config: PretrainConfig) -> None:
    for name in ("global_crops_scale", "local_crops_scale", "ibot_mask_ratio"):
        low, high = getattr(config, name)
        if not 0 < low <= high <= 1:
            _refuse(name, (low, high), "two numbers in order, above 0 and at most 1")


def _check_combinations(config: PretrainConfig) -> None:
    if config.min_lr > config.lr:
        _refuse("min_lr", config.min_lr, f"at most lr ({config.lr})")
    # A run of one epoch, a smoke test, gets warm-ups that fit by itself: with_short_warmups.
    if config.warmup_epochs > config.epochs > 1:
        _refuse("warmup_epochs", config.warmup_epochs, f"at most epochs ({config.epochs})")
    if config.warmup_teacher_temp_epochs > config.epochs > 1:
        expected = f"at most epochs ({config.epochs})"
        _refuse("warmup_teacher_temp_epochs", config.warmup_teacher_temp_epochs, expected)
    sides = {"global_crops_size": config.global_crops_size}
    if config.local_crops_number:
        sides["local_crops_size"] = config.local_crops_size
    for name, side in sides.items():
        if side < 8 or (config.is_vit and side % config.patch_size):
            _refuse(name, side, f"8 or above, and a multiple of patch_size {config.patch_size}")
    if config.registers and not config.is_vit:
        _refuse("registers", config.registers, "0, or a ViT (vit_*)")
    if config.koleo_weight and config.batch_size_per_gpu < 2:
        _refuse("batch_size_per_gpu", config.batch_size_per_gpu, "2 or above with koleo_weight")
    if config.ibot_weight and not (config.is_vit and config.method == "dino"):
        _refuse("ibot_weight", config.ibot_weight, "0, or a ViT (vit_*) and the method dino")
    if config.method == "swav" and config.teacher != "student":
        _refuse("teacher", config.teacher, "student: swav has no momentum teacher")
    if config.method == "byol" and not config.predictor:
        _refuse("predictor", config.predictor, "true: byol collapses without it")
    if config.method in ("moco_v2", "byol") and config.teacher != "momentum":
        _refuse("teacher", config.teacher, f"momentum, which {config.method} is built on")
