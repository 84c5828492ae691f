"""Fresh runs that start from the weights of a name."""

from dataclasses import replace

import pytest
import torch

from pretrain.train import train
from pretrain.training.export import export_backbone
from tests.pretrain.runs import CONFIG, photos, settings, tiny_vit, weights, whole
from vos.backbones.loading import load_backbone
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


def test_registers_are_trained_kept_and_read(photos, whole, tmp_path):
    config = replace(CONFIG, registers=2, ibot_weight=0.5, epochs=1)
    run = settings(photos, tmp_path / "run", init_from=str(whole / "checkpoint.pth"))
    train(config, run)
    trained = weights(tmp_path / "run")["student"]["module.backbone.registers"]
    assert trained.shape == (1, 2, 64) and trained.abs().max() > 1e-5
    export_backbone(tmp_path / "run", tmp_path / "b.safetensors")
    backbone = load_backbone(weights=tmp_path / "b.safetensors", device="cpu", precision="fp32")
    assert backbone.network.prefix == 3
    assert backbone.features(torch.randn(1, 3, 32, 48)).patches.shape[-2:] == (2, 3)
    again = settings(photos, tmp_path / "more", init_from=str(tmp_path / "b.safetensors"))
    train(replace(config, ibot_weight=0.0), again)
    with pytest.raises(InputError, match=r"has 2 registers, this run 0; give --registers 2"):
        train(replace(config, registers=0), replace(again, output_dir=tmp_path / "other"))
    with pytest.raises(InputError, match=r"trained with registers 2, this run has 0"):
        train(replace(config, registers=0), replace(run, resume="auto"))


def test_one_epoch_runs_with_the_warm_ups_of_a_long_recipe(photos, tmp_path, capsys):
    config = replace(CONFIG, epochs=1, warmup_epochs=10.0, warmup_teacher_temp_epochs=30)
    assert train(config, settings(photos, tmp_path)).finished
    assert "one epoch: the warm-up takes 0.1 of it" in capsys.readouterr().err
    assert weights(tmp_path)["extras"]["config"]["warmup_epochs"] == 0.1
