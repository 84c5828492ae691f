"""Fresh runs that start from the weights of a name."""

from dataclasses import replace

import pytest

from pretrain.train import train
from tests.pretrain.runs import CONFIG, photos, settings, tiny_vit, weights, whole
from vos.errors import InputError

__all__ = ["photos", "tiny_vit", "whole"]


def test_a_name_stands_for_its_weights(photos, whole, tmp_path, monkeypatch, capsys):
    asked = []

    def file_of(name, progress):
        asked.append(name)
        return whole / "checkpoint.pth"

    monkeypatch.setattr("pretrain.training.initialization.find_weights", file_of)
    run = settings(photos, tmp_path, init_from="dino_vits16")
    train(replace(CONFIG, epochs=1, lr=1e-9, min_lr=0), run)
    assert asked == ["dino_vits16"]
    assert f"starting from dino_vits16 ({whole / 'checkpoint.pth'})" in capsys.readouterr().err
    name = "backbone.blocks.0.attn.qkv.weight"
    given, taken = weights(whole)["teacher"][name], weights(tmp_path)["teacher"][name]
    assert (given - taken).abs().max() < 1e-6


def test_a_name_that_is_none_is_refused_with_those_there_are(photos, tmp_path):
    with pytest.raises(InputError, match=r"no checkpoint at dino_vits32.*dino_vits8, dino_vitb16"):
        train(CONFIG, settings(photos, tmp_path, init_from="dino_vits32"))


def test_one_epoch_runs_with_the_warm_ups_of_a_long_recipe(photos, tmp_path, capsys):
    config = replace(CONFIG, epochs=1, warmup_epochs=10.0, warmup_teacher_temp_epochs=30)
    assert train(config, settings(photos, tmp_path)).finished
    assert "one epoch: the warm-up takes 0.1 of it" in capsys.readouterr().err
    assert weights(tmp_path)["extras"]["config"]["warmup_epochs"] == 0.1
