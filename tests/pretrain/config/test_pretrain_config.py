"""Configurations refuse what cannot work."""

import dataclasses
import inspect

import pytest

from pretrain.config.pretrain_config import PretrainConfig, with_short_warmups
from pretrain.training.schedules import build_schedules
from vos.errors import InputError

BAD = [
    {"arch": "vit_huge"},
    {"method": "simclr"},
    {"teacher": "none"},
    {"targets": "none"},
    {"loss": "l1"},
    {"optimizer": "adam"},
    {"in_chans": 4},
    {"patch_size": 0},
    {"epochs": 0},
    {"batch_size_per_gpu": 0},
    {"accumulate": 0},
    {"seed": -1},
    {"teacher_temp": 0.0},
    {"student_temp": -0.1},
    {"warmup_teacher_temp": 2.0},
    {"sinkhorn_epsilon": 0.0},
    {"momentum_teacher": 1.2},
    {"center_momentum": -0.1},
    {"drop_path_rate": 1.0},
    {"lr": 0.0},
    {"lr": float("nan")},
    {"lr": 1e9},
    {"min_lr": 1.0},
    {"weight_decay": float("inf")},
    {"clip_grad": -1.0},
    {"warmup_epochs": 200.0},
    {"warmup_teacher_temp_epochs": 200},
    {"global_crops_scale": (0.0, 1.0)},
    {"local_crops_scale": (0.5, 0.4)},
    {"global_crops_size": 220},
    {"local_crops_size": 4},
    {"method": "swav"},
    {"method": "byol"},
    {"koleo_weight": -0.1},
    {"ibot_weight": 1.0, "arch": "resnet50"},
    {"ibot_weight": 1.0, "method": "moco_v2"},
    {"ibot_head": "none"},
    {"registers": -1},
    {"registers": 4, "arch": "resnet50"},
    {"ibot_mask_ratio": (0.5, 0.1)},
    {"ibot_mask_probability": 1.5},
    {"koleo_weight": float("nan")},
    {"koleo_weight": 0.1, "batch_size_per_gpu": 1},
    {"method": "moco_v2", "teacher": "student"},
]


@pytest.mark.parametrize("change", BAD, ids=lambda c: "-".join(f"{k}={v}" for k, v in c.items()))
def test_what_cannot_work_is_refused_by_name(change):
    with pytest.raises(InputError, match=r"expected"):
        PretrainConfig(**change)


def test_a_refusal_names_the_field_and_the_range():
    with pytest.raises(InputError, match=r"teacher_temp is 3.0; expected a temperature above 0"):
        PretrainConfig(teacher_temp=3.0)


def test_a_run_of_one_epoch_has_warm_ups_that_fit():
    short = with_short_warmups(PretrainConfig(epochs=1, warmup_teacher_temp_epochs=30))
    assert (short.warmup_epochs, short.warmup_teacher_temp_epochs) == (0.1, 0)
    schedules = build_schedules(short, 100, 256)
    assert schedules.lr[9] == schedules.lr.max() == short.lr and schedules.lr[-1] < short.lr / 10
    assert with_short_warmups(short) == short
    for fits in (PretrainConfig(epochs=1, warmup_epochs=0.5), PretrainConfig()):
        assert with_short_warmups(fits) == fits


def test_defaults_are_those_of_the_protocol():
    config = PretrainConfig()
    assert (config.out_dim, config.epochs) == (65536, 100)
    assert (config.lr, config.warmup_epochs) == (5e-4, 10)
    assert (config.min_lr, config.clip_grad, config.freeze_last_layer) == (1e-6, 3.0, 1)
    assert config.global_crops_scale == (0.4, 1.0) and config.local_crops_scale == (0.05, 0.4)
    assert (config.drop_path_rate, config.local_crops_number, config.teacher_temp) == (0.1, 8, 0.04)


def test_every_field_is_documented():
    lines = inspect.getsource(PretrainConfig).splitlines()
    for field in dataclasses.fields(PretrainConfig):
        at = next(i for i, line in enumerate(lines) if line.startswith(f"    {field.name}:"))
        assert lines[at + 1].strip().startswith('"""'), field.name
