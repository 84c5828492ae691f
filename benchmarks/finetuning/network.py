"""A backbone as a classifier to be trained by DeiT's recipe, and what trains it."""

from __future__ import annotations

from typing import Any, cast

import torch
from timm.layers import DropPath, trunc_normal_
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch import nn

from benchmarks.finetuning.recipe import Recipe
from vos.backbones.backbone import Backbone
from vos.errors import InputError

_REFERENCE_BATCH = 512


def trainable(backbone: Backbone, classes: int, recipe: Recipe) -> nn.Module:
    """Turn a frozen backbone's network into a classifier to be trained by a recipe.

    Raises:
        InputError: timm cannot give the network a classifier.
    """
    network = cast("Any", backbone.network).float()
    if not hasattr(network, "reset_classifier"):
        raise InputError(f"{backbone.record.name} cannot be given a classifier")
    network.reset_classifier(classes)
    network.to(backbone.device)
    for layer in network.get_classifier().modules():
        if isinstance(layer, nn.Linear):
            trunc_normal_(layer.weight, std=recipe.head_std)
            nn.init.zeros_(layer.bias)
    blocks = list(getattr(network, "blocks", []))
    for number, block in enumerate(blocks):
        rate = recipe.drop_path * number / max(len(blocks) - 1, 1)
        for name in ("drop_path1", "drop_path2"):
            if hasattr(block, name) and rate:
                setattr(block, name, DropPath(rate))
    network.requires_grad_(True)
    return cast("nn.Module", network.train())


def optimizer_and_schedule(
    network: nn.Module, recipe: Recipe
) -> tuple[torch.optim.Optimizer, CosineLRScheduler]:
    """Return AdamW and the cosine with warm-up, both over epochs."""
    scale = recipe.train_batch / _REFERENCE_BATCH
    optimizer = create_optimizer_v2(
        network,
        opt="adamw",
        lr=recipe.lr * scale,
        weight_decay=recipe.weight_decay,
        layer_decay=recipe.layer_decay,
    )
    schedule = CosineLRScheduler(
        optimizer,
        t_initial=recipe.epochs,
        lr_min=recipe.min_lr,
        warmup_t=min(recipe.warmup_epochs, recipe.epochs - 1),
        warmup_lr_init=recipe.warmup_lr,
    )
    return optimizer, schedule
