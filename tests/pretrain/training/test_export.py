"""Exported backbones: what `vos` and timm make of them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import timm
import torch

from pretrain.train import train
from pretrain.training.export import export_backbone
from tests.pretrain.runs import CONFIG, photos, settings, tiny_vit
from vos.backbones.loading import load_backbone
from vos.cli import VERBS as VOS_VERBS
from vos.cli.verbs import run_verbs
from vos.errors import InputError

__all__ = ["photos", "tiny_vit"]


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    train(CONFIG, settings(photos, out))
    return out


@pytest.mark.parametrize("form", ["safetensors", "pth"])
def test_the_exported_file_is_the_teacher_in_vos(trained, tmp_path, form):
    target = tmp_path / f"b.{form}"
    export_backbone(trained, target, form)
    state = torch.load(trained / "checkpoint.pth", weights_only=False)["teacher"]
    backbone = load_backbone(weights=target, precision="fp32")
    loaded = backbone.network.state_dict()
    for name, value in loaded.items():
        assert torch.equal(value, state[f"backbone.{name}"]), name
    assert backbone(torch.zeros(1, 3, 32, 32)).shape == (1, 64, 2, 2)


@pytest.mark.parametrize("form", ["safetensors", "pth"])
def test_timm_loads_the_exported_file(trained, tmp_path, form):
    target = tmp_path / f"b.{form}"
    export_backbone(trained, target, form)
    model = timm.create_model(
        "vit_tiny_patch16_224",
        checkpoint_path=str(target),
        num_classes=0,
        img_size=32,
        embed_dim=64,
        depth=2,
        num_heads=1,
    )
    state = torch.load(trained / "checkpoint.pth", weights_only=False)["teacher"]
    assert torch.equal(model.cls_token, state["backbone.cls_token"])


def test_vos_loads_an_exported_timm_model_by_its_metadata(photos, tmp_path):
    config = replace(CONFIG, arch="timm:resnet18", drop_path_rate=0.0, epochs=1)
    train(config, settings(photos, tmp_path))
    export_backbone(tmp_path, tmp_path / "b.safetensors")
    loaded = load_backbone(weights=tmp_path / "b.safetensors", precision="fp32")
    assert loaded(torch.zeros(1, 3, 64, 64)).ndim == 4
    assert "resnet18" in loaded.record.name


@pytest.mark.parametrize("form", ["safetensors", "pth"])
def test_vos_segments_with_the_exported_file(trained, tmp_path, form):
    weights = tmp_path / f"b.{form}"
    export_backbone(trained, weights, form)
    (tmp_path / "frames").mkdir()
    for number in range(3):
        frame = np.full((96, 128, 3), 40, np.uint8)
        frame[30:70, 20 + 5 * number : 70 + 5 * number] = (200, 90, 30)
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), frame)
    mask = np.zeros((96, 128), np.uint8)
    mask[30:70, 20:70] = 1
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    files = ["--mask", str(tmp_path / "mask.png"), "--weights", str(weights)]
    arguments = ["segment", str(tmp_path / "frames"), *files, "-o", str(tmp_path / "out")]
    assert run_verbs("vos", "", VOS_VERBS, arguments) == 0
    assert len(list((tmp_path / "out" / "masks").glob("*.png"))) == 3


def test_export_of_a_plain_backbone(trained, tmp_path):
    export_backbone(trained, tmp_path / "b.pth", "pth")
    for source in ("b.pth", "c.safetensors"):
        export_backbone(tmp_path / "b.pth", tmp_path / "c.safetensors")
        metadata = export_backbone(tmp_path / source, tmp_path / "d.pth", "pth")
        assert metadata["arch"] == metadata["epochs"] == ""
        first, last = (torch.load(tmp_path / name) for name in ("b.pth", "d.pth"))
        assert first.keys() == last.keys()
        assert all(torch.equal(first[key], last[key]) for key in first)


def test_export_says_what_is_wrong(trained, tmp_path):
    with pytest.raises(InputError, match="does not end in"):
        export_backbone(trained, tmp_path / "b.bin")
    with pytest.raises(InputError, match="no run at"):
        export_backbone(tmp_path / "nothing", tmp_path / "b.safetensors")
    with pytest.raises(InputError, match="no checkpoint in"):
        export_backbone(tmp_path, tmp_path / "b.safetensors")
