"""Configurations refuse what cannot work, and the presets are the published recipes."""

import dataclasses
import inspect
import json

import pytest

from pretrain.config.presets import PRESETS, preset
from pretrain.config.pretrain_config import PretrainConfig
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
    {"method": "moco_v2", "teacher": "student"},
]


@pytest.mark.parametrize("change", BAD, ids=lambda c: "-".join(f"{k}={v}" for k, v in c.items()))
def test_what_cannot_work_is_refused_by_name(change):
    with pytest.raises(InputError, match=r"expected"):
        PretrainConfig(**change)


def test_a_refusal_names_the_field_and_the_range():
    with pytest.raises(InputError, match=r"teacher_temp is 3.0; expected a temperature above 0"):
        PretrainConfig(teacher_temp=3.0)


def test_defaults_are_those_of_the_protocol():
    config = PretrainConfig()
    assert (config.out_dim, config.epochs) == (65536, 100)
    assert (config.lr, config.warmup_epochs) == (5e-4, 10)
    assert (config.min_lr, config.clip_grad, config.freeze_last_layer) == (1e-6, 3.0, 1)
    assert config.global_crops_scale == (0.4, 1.0) and config.local_crops_scale == (0.05, 0.4)
    assert (config.drop_path_rate, config.local_crops_number, config.teacher_temp) == (0.1, 8, 0.04)


def test_vits8_is_the_published_recipe():
    config = preset("dino_vits8")
    assert (config.arch, config.patch_size, config.epochs) == ("vit_small", 8, 800)
    assert (config.norm_last_layer, config.out_dim, config.local_crops_number) == (False, 65536, 10)
    assert (config.warmup_teacher_temp, config.teacher_temp) == (0.04, 0.07)
    assert config.warmup_teacher_temp_epochs == 30
    assert (config.clip_grad, config.momentum_teacher, config.min_lr) == (3.0, 0.996, 1e-5)


def test_every_wanted_preset_is_there():
    wanted = {"dino_vits16", "dino_vits8", "dino_vitb16", "dino_vitb8", "dino_resnet50"}
    assert wanted | {"small", "cpu"} <= set(PRESETS)
    with pytest.raises(InputError, match="dino_vits8"):
        preset("dino_vit_s8")


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_survives_json(name):
    config = PRESETS[name]
    plain = json.loads(json.dumps(config.as_dict()))
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
    assert PretrainConfig(**values) == config


def test_every_field_is_documented():
    lines = inspect.getsource(PretrainConfig).splitlines()
    for field in dataclasses.fields(PretrainConfig):
        at = next(i for i, line in enumerate(lines) if line.startswith(f"    {field.name}:"))
        assert lines[at + 1].strip().startswith('"""'), field.name
