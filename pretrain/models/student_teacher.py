"""Student and teacher: a backbone and a head, fed with crops of several sizes.

M. Caron et al., ICCV 2021, section 3.1. Shapes: V crops, B images, D width, K outputs, H W pixels.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import groupby
from typing import Any, cast

import torch
from torch import Tensor, nn

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.models.heads import DINOHead, ProjectionHead
from vos.backbones.networks.vit import VisionTransformer, build_vit
from vos.errors import InputError


class CropNetwork(nn.Module):
    """A backbone and a head, named `backbone.*` and `head.*` as in published checkpoints.

    Args:
        backbone: (N, C, H, W) -> (N, D).
        head: (N, D) -> (N, K).
        patch_head: the head of masked patches, where it is not the same.
        mask_width: D, where the network learns what it sees in place of masked patches.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        patch_head: nn.Module | None = None,
        mask_width: int = 0,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.patch_head = patch_head
        self.mask_token = nn.Parameter(torch.zeros(1, 1, mask_width)) if mask_width else None

    def features(self, crops: Sequence[Tensor]) -> Tensor:
        """Run each run of equal-sized crops (B, C, H, W) through the backbone as one batch.

        Returns:
            (V * B, D), crop by crop.
        """
        runs = [list(run) for _, run in groupby(crops, key=lambda crop: crop.shape[-2:])]
        return torch.cat([self.backbone(torch.cat(run)) for run in runs])

    def patches(self, crops: Sequence[Tensor], masked: Tensor) -> tuple[Tensor, Tensor]:
        """Run G crops (B, C, H, W) of a ViT's, with patches hidden where it has a mask token.

        Args:
            crops: of one size.
            masked: (G, B, h, w) bool.

        Returns:
            The class tokens (G * B, D), and the patch head's outputs of the n masked patches,
            (n, K), crop by crop.
        """
        vit = cast("VisionTransformer", self.backbone)
        flat = masked.flatten(0, 1)  # (G, B, h, w) -> (G * B, h, w)
        hidden = None if self.mask_token is None else flat
        tokens = vit.forward_features(torch.cat(list(crops)), hidden, self.mask_token)
        head = self.head if self.patch_head is None else self.patch_head
        return tokens[:, 0], head(tokens[:, vit.prefix :][flat.flatten(1)])

    def forward(
        self, crops: Sequence[Tensor], masked: Tensor | None = None, details: bool = False
    ) -> Tensor | tuple[Tensor, Tensor, Tensor | None]:
        """Map V crops of (B, C, H, W) to outputs (V, B, K).

        Args:
            crops: the global ones first.
            masked: (G, B, h, w) bool, patches of the first G crops that are hidden.
            details: return the features (V, B, D) too, and the patch head's outputs (n, K) of
                masked patches, or None without masks.
        """
        patches = None
        if masked is None:
            features = self.features(crops)
        else:
            features, patches = self.patches(crops[: len(masked)], masked)
            if len(crops) > len(masked):
                features = torch.cat([features, self.features(crops[len(masked) :])])
        outputs = self.head(features)
        by_crop = outputs.view(len(crops), -1, outputs.shape[-1])  # (V * B, K) -> (V, B, K)
        if not details:
            return by_crop
        return by_crop, features.view(len(crops), -1, features.shape[-1]), patches


def build_backbone(config: PretrainConfig, drop_path_rate: float) -> tuple[nn.Module, int]:
    """Build a backbone with fresh weights.

    Returns:
        The module, (N, C, H, W) -> (N, D), and its width D.

    Raises:
        InputError: timm does not know the model, or it takes images of one size alone.
    """
    if config.is_vit:
        vit = build_vit(
            config.arch,
            config.patch_size,
            in_chans=config.in_chans,
            img_size=config.global_crops_size,
            drop_path_rate=drop_path_rate,
            registers=config.registers,
        )
        return vit, int(vit.embed_dim)
    return _build_timm(config, drop_path_rate)


def _build_timm(config: PretrainConfig, drop_path_rate: float) -> tuple[nn.Module, int]:
    import timm

    name = config.arch.removeprefix("timm:")
    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name[:6]}*")[:5]) or "see timm.list_models()"
        raise InputError(f"timm knows no model {name!r}; near it: {near}")
    options: dict[str, Any] = {"num_classes": 0, "in_chans": config.in_chans, "pretrained": False}
    if drop_path_rate:
        options["drop_path_rate"] = drop_path_rate
    try:
        model = timm.create_model(name, dynamic_img_size=True, **options)
    except TypeError:
        try:
            model = timm.create_model(name, **options)
        except TypeError as error:
            raise InputError(f"arch timm:{name} refuses an option: {error}") from error
    return model, _check_any_size(config, name, model)


@torch.no_grad()
def _check_any_size(config: PretrainConfig, name: str, model: nn.Module) -> int:
    """Run an image of each crop size through the model and return its width."""
    sizes = [config.global_crops_size]
    if config.local_crops_number:
        sizes.append(config.local_crops_size)
    was_training = model.training
    model.eval()
    width = 0
    for size in sizes:
        try:
            output = model(torch.zeros(1, config.in_chans, size, size))
        except (RuntimeError, AssertionError, ValueError) as error:
            raise InputError(
                f"arch timm:{name} does not take images of {size} pixels ({error}); choose a "
                "model that takes any size, or set both crop sizes to its own"
            ) from error
        if not isinstance(output, Tensor) or output.ndim != 2:
            raise InputError(f"arch timm:{name} gives no single pooled feature per image")
        width = output.shape[1]
    model.train(was_training)
    return width


def build_head(config: PretrainConfig, in_dim: int, *, student: bool) -> nn.Module:
    """Build the head that the configured method uses; only the student's has a predictor."""
    body: dict[str, Any] = {
        "hidden_dim": config.head_hidden_dim,
        "bottleneck_dim": config.head_bottleneck_dim,
        "layers": config.head_layers,
        "use_bn": config.use_bn_in_head,
        "predictor": config.predictor and student,
    }
    if config.method in ("byol", "moco_v2"):
        return ProjectionHead(in_dim, **body)
    return DINOHead(in_dim, config.out_dim, norm_last_layer=config.norm_last_layer, **body)


def build_patch_head(config: PretrainConfig, in_dim: int, *, student: bool) -> nn.Module | None:
    """Build the patches' own head of iBOT's loss, if the configuration has one."""
    if not config.ibot_weight or config.ibot_head == "shared":
        return None
    return build_head(config, in_dim, student=student)


def build_networks(config: PretrainConfig) -> tuple[CropNetwork, CropNetwork]:
    """Build the student and a teacher that starts as its copy and takes no gradient."""
    backbone, width = build_backbone(config, config.drop_path_rate)
    student = CropNetwork(
        backbone,
        build_head(config, width, student=True),
        build_patch_head(config, width, student=True),
        mask_width=width if config.ibot_weight else 0,
    )
    if config.drop_path_rate:
        teacher_backbone, _ = build_backbone(config, 0.0)
    else:
        teacher_backbone = copy.deepcopy(backbone)
    teacher = CropNetwork(
        teacher_backbone,
        build_head(config, width, student=False),
        build_patch_head(config, width, student=False),
    )
    copy_weights(student, teacher)
    for parameter in teacher.parameters():
        parameter.requires_grad = False
    return student, teacher


def recompute_activations(backbone: nn.Module) -> None:
    """Let a backbone keep the inputs of its blocks for the backward pass, and nothing between.

    Raises:
        InputError: the model of timm cannot do that.
    """
    try:
        cast("Any", backbone).set_grad_checkpointing(True)
    except (AttributeError, AssertionError) as error:
        raise InputError(
            f"{type(backbone).__name__} of timm knows no checkpointing of activations; leave "
            "--checkpoint-activations out"
        ) from error


@torch.no_grad()
def copy_weights(student: CropNetwork, teacher: CropNetwork) -> None:
    """Give the teacher the student's weights and statistics; a predictor stays behind."""
    own = teacher.state_dict()
    source = student.state_dict()
    teacher.load_state_dict({name: source[name] for name in own})


@torch.no_grad()
def ema_update(student: nn.Module, teacher: nn.Module, momentum: float) -> None:
    """Move the teacher's parameters towards the student's: t = m t + (1 - m) s."""
    by_name = dict(student.named_parameters())
    names = [name for name, _ in teacher.named_parameters()]
    old: list[Tensor] = list(teacher.parameters())
    torch._foreach_mul_(old, momentum)
    torch._foreach_add_(old, [by_name[name].detach() for name in names], alpha=1 - momentum)
