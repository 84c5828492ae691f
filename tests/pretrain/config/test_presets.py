"""The presets are the published recipes."""

import json
from dataclasses import replace

import pytest

from pretrain.config.presets import PRESETS, preset
from pretrain.config.pretrain_config import PretrainConfig, with_total_batch
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


@pytest.mark.parametrize(
    ("name", "processes", "accumulate"),
    [("dino_vits16", 8, 2), ("dino_vits16", 16, 1), ("dino_vits8", 1, 64), ("dino_vitb8", 8, 22)],
)
def test_published_batches_stay_on_any_number_of_processes(name, processes, accumulate):
    config = with_total_batch(PRESETS[name], processes)
    assert config.accumulate == accumulate
    total = config.batch_size_per_gpu * processes * accumulate
    assert total == PRESETS[name].total_batch
    assert with_total_batch(config, processes) == config  # as a resumed run reads it


def test_a_batch_that_cannot_be_made_is_refused():
    published = PRESETS["dino_vits16"]
    for config, processes in (
        (published, 3),
        (published, 32),
        (replace(published, accumulate=2), 16),
        (replace(published, batch_size_per_gpu=48), 1),
    ):
        with pytest.raises(InputError, match=r"total batch of 1024 .*--total-batch 0"):
            with_total_batch(config, processes)
    free = replace(published, total_batch=0, accumulate=2)
    assert with_total_batch(free, 3) == free


def test_all_published_recipes_have_their_batch():
    published = {"dino_resnet50": 80 * 51, "dino_vitb8": 176 * 6}
    for name in set(PRESETS) - {"small", "cpu", "finetune-dino"}:
        assert PRESETS[name].total_batch == published.get(name, 1024)
