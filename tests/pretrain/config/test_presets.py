"""The presets are the published recipes."""

import json

import pytest

from pretrain.config.presets import PRESETS, preset
from pretrain.config.pretrain_config import PretrainConfig
from vos.errors import InputError


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
