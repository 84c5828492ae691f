"""Published recipes, and two that fit smaller machines, as complete configurations.

The `dino_*` values are those of M. Caron et al., ICCV 2021, and its released training logs; the
`byol`, `moco_v2` and `swav` rows are Table 7's, on ViT-S/16. `batch_size_per_gpu` is for the
number of processes that the recipe was published with; with fewer, gradients are accumulated up
to the published `total_batch`.
"""

from __future__ import annotations

from dataclasses import replace

from pretrain.config.pretrain_config import PretrainConfig
from vos.errors import InputError

_LONG = PretrainConfig(
    epochs=800,
    norm_last_layer=False,
    warmup_teacher_temp=0.04,
    teacher_temp=0.07,
    warmup_teacher_temp_epochs=30,
    min_lr=1e-5,
    total_batch=1024,
    local_crops_number=10,
    global_crops_scale=(0.25, 1.0),
    local_crops_scale=(0.05, 0.25),
)


_TABLE_7 = replace(_LONG, epochs=300)


PRESETS: dict[str, PretrainConfig] = {
    "dino_vits16": replace(_LONG, clip_grad=0.0, batch_size_per_gpu=64),
    "dino_vits8": replace(_LONG, patch_size=8, batch_size_per_gpu=16),
    "dino_vitb16": replace(
        _LONG,
        arch="vit_base",
        epochs=400,
        batch_size_per_gpu=32,
        lr=0.00075,
        min_lr=2e-6,
        clip_grad=0.3,
        freeze_last_layer=3,
        norm_last_layer=True,
        warmup_teacher_temp_epochs=50,
    ),
    "dino_vitb8": replace(
        _LONG,
        arch="vit_base",
        patch_size=8,
        epochs=300,
        batch_size_per_gpu=6,
        total_batch=1056,
        min_lr=2e-6,
        freeze_last_layer=3,
        norm_last_layer=True,
        warmup_teacher_temp=0.03,
        warmup_teacher_temp_epochs=50,
    ),
    "dino_resnet50": PretrainConfig(
        arch="resnet50",
        epochs=800,
        out_dim=60000,
        batch_size_per_gpu=51,
        total_batch=4080,
        optimizer="lars",
        lr=0.03,
        min_lr=0.0048,
        weight_decay=1e-4,
        weight_decay_end=1e-4,
        clip_grad=0.0,
        drop_path_rate=0.0,
        use_bn_in_head=True,
        teacher_temp=0.07,
        warmup_teacher_temp_epochs=50,
        global_crops_scale=(0.14, 1.0),
        local_crops_scale=(0.05, 0.14),
        local_crops_number=6,
    ),
    "byol": replace(
        _TABLE_7,
        method="byol",
        predictor=True,
        use_bn_in_head=True,
        head_hidden_dim=4096,
        head_layers=2,
        local_crops_number=0,
    ),
    "moco_v2": replace(
        _TABLE_7,
        method="moco_v2",
        momentum_teacher=0.99,
        head_hidden_dim=2048,
        head_bottleneck_dim=128,
        head_layers=2,
        local_crops_number=0,
    ),
    "swav": replace(
        _TABLE_7,
        method="swav",
        teacher="student",
        out_dim=3000,
        head_bottleneck_dim=128,
        head_layers=2,
        use_bn_in_head=True,
    ),
    "small": PretrainConfig(
        out_dim=8192,
        epochs=200,
        batch_size_per_gpu=256,
        momentum_teacher=0.9995,
        teacher_temp=0.06,
        warmup_teacher_temp_epochs=30,
        min_lr=1e-5,
        local_crops_number=6,
    ),
    "finetune-dino": PretrainConfig(
        out_dim=8192,
        epochs=20,
        lr=1e-4,
        warmup_epochs=2,
        momentum_teacher=0.9995,
        weight_decay_end=0.1,
        clip_grad=0.3,
        local_crops_number=6,
    ),
    "cpu": PretrainConfig(
        arch="vit_tiny",
        out_dim=512,
        head_hidden_dim=512,
        head_bottleneck_dim=128,
        targets="sinkhorn",
        warmup_teacher_temp=0.02,
        teacher_temp=0.02,
        epochs=10,
        batch_size_per_gpu=32,
        lr=0.008,
        warmup_epochs=0.5,
        min_lr=1e-5,
        weight_decay_end=0.1,
        momentum_teacher=0.99,
        drop_path_rate=0.0,
        global_crops_size=96,
        local_crops_size=48,
        local_crops_number=4,
        freeze_last_layer=0,
    ),
}


STARTING_WEIGHTS = {"finetune-dino": "dino_vits16"}
"""Presets that go on from trained weights, and the name of those that fit them."""


def preset(name: str) -> PretrainConfig:
    """Return the configuration of a preset.

    Raises:
        InputError: there is no such preset.
    """
    if name not in PRESETS:
        raise InputError(f"no preset {name!r}; the presets are: {', '.join(PRESETS)}")
    return PRESETS[name]
