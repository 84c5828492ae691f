"""Attention heads: as asked for, as the file says, or assumed and said to be."""

import argparse

import pytest
import torch

from vos.backbones.checkpoints import load_checkpoint
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.errors import InputError


def state(width=384, depth=1, heads=6):
    torch.manual_seed(0)
    return VisionTransformer(16, width, depth, heads, img_size=64).state_dict()


def moco_v3(**words):
    tensors = {f"module.base_encoder.{n}": t for n, t in state().items()}
    return {"arch": "vit_small", "state_dict": tensors, **words}


@pytest.mark.parametrize(
    ("content", "heads", "assumed"),
    [
        (state(), 6, True),
        (state(384, 12), 6, True),
        ({"teacher": state(), "args": argparse.Namespace(num_heads=3)}, 3, False),
        ({"teacher": state(384, 12), "args": argparse.Namespace(arch="vit_small")}, 6, False),
        ({"state_dict": state(), "hyper_parameters": {"num_heads": 12}}, 12, False),
        ({"state_dict": state(), "config": {"num_attention_heads": 4}}, 4, False),
        ({"state_dict": state(), "config": {"num_heads": "[3, 6]"}}, 6, True),
        (moco_v3(), 12, False),
    ],
)
def test_heads_of_a_file(tmp_path, capsys, content, heads, assumed):
    torch.save(content, tmp_path / "w.pth")
    shape = load_checkpoint(tmp_path / "w.pth").vit
    assert (shape.num_heads, shape.heads_assumed) == (heads, assumed)
    assert run_verbs("vos", "", VERBS, ["weights", "info", str(tmp_path / "w.pth")]) == 0
    printed = capsys.readouterr().out
    assert f"{heads} heads" in printed
    assert ("heads: assumed" in printed) is assumed


def test_heads_as_asked_for(tmp_path):
    torch.save(state(), tmp_path / "w.pth")
    network = VisionTransformer(16, 384, 1, 12, img_size=64)
    network.load_state_dict(state())
    images = torch.randn(1, 3, 64, 64)
    asked = load_backbone(weights=tmp_path / "w.pth", heads=12, device="cpu", precision="fp32")
    with torch.inference_mode():
        tokens = network.eval().forward_features(images)[:, 1:]
    assert torch.equal(asked(images).flatten(2).transpose(1, 2), tokens)
    assert asked.record.name == "vit_384x1_heads12_patch16"
    assumed = load_backbone(weights=tmp_path / "w.pth", device="cpu", precision="fp32")
    assert assumed.record.name == "vit_384x1_patch16"
    assert not torch.allclose(assumed(images), asked(images), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "heads", "told"),
    [
        (None, 7, "7 heads do not divide the width 384"),
        (None, 0, "heads are 0"),
        ("dino_vits16", 12, "of 12 heads, and dino_vits16 has 6"),
        ("timm:vit_tiny_patch16_224", 12, "timm's models and CNNs have"),
    ],
)
def test_heads_that_do_not_go_are_refused(tmp_path, name, heads, told):
    torch.save(state(384, 12), tmp_path / "w.pth")
    with pytest.raises(InputError, match=told):
        load_backbone(name, weights=tmp_path / "w.pth", heads=heads, device="cpu")


def test_heads_without_a_file_are_refused():
    with pytest.raises(InputError, match="together with a weights file"):
        load_backbone("efficientnet_lite0", heads=3, device="cpu")
