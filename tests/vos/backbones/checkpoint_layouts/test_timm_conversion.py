"""ViTs that timm alone can build are handed to it, through its own conversion."""

import re

import pytest
import timm
import torch
from timm.models.vision_transformer import checkpoint_filter_fn

from vos.backbones.loading import load_backbone
from vos.backbones.timm_models import TimmBackbone
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.errors import InputError

SMALL = "vit_small_patch14_dinov2"
REGISTERS = "vit_small_patch14_reg4_dinov2"


def published(name):
    """Return random weights as DINOv2 publishes them, and timm's network with them."""
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=0, dynamic_img_size=True).eval()
    for values in network.parameters():
        torch.nn.init.normal_(values, std=0.05)
    state = {n: t.clone() for n, t in network.state_dict().items()}
    state["mask_token"] = torch.zeros(1, 384)
    if "reg_token" in state:
        state["register_tokens"] = state.pop("reg_token")
        state["pos_embed"] = torch.cat([torch.randn(1, 1, 384), state["pos_embed"]], dim=1)
    network.load_state_dict(checkpoint_filter_fn(dict(state), network))
    return state, network


def hugging_face(state):
    rules = (
        (r"^(cls_token|mask_token|register_tokens)$", r"embeddings.\1"),
        (r"^pos_embed$", "embeddings.position_embeddings"),
        (r"^patch_embed\.proj", "embeddings.patch_embeddings.projection"),
        (r"^norm\.", "layernorm."),
        (r"^blocks\.", "encoder.layer."),
        (r"\.attn\.proj\.", ".attention.output.dense."),
        (r"\.ls(\d)\.gamma", r".layer_scale\1.lambda1"),
    )
    named = {}
    for own, tensor in state.items():
        name = own
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        if ".attn.qkv." in name:
            for part, chunk in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                parted = name.replace(".attn.qkv.", f".attention.attention.{part}.")
                named[parted] = chunk.clone()
        else:
            named[name] = tensor
    return named


@pytest.mark.parametrize(
    ("name", "names", "given"),
    [
        (SMALL, "published", "timm"),
        (SMALL, "Hugging Face", None),
        (REGISTERS, "published", None),
    ],
)
def test_dino_v2_is_handed_to_timm(tmp_path, capsys, name, names, given):
    state, network = published(name)
    torch.save(state if names == "published" else hugging_face(state), tmp_path / "w.pth")
    backbone = load_backbone(
        given and f"timm:{name}", weights=tmp_path / "w.pth", device="cpu", precision="fp32"
    )
    assert isinstance(backbone, TimmBackbone)
    images = torch.randn(1, 3, 42, 56)
    with torch.inference_mode():
        tokens = network.forward_features(images)[:, network.num_prefix_tokens :]
    assert torch.equal(backbone(images).flatten(2).transpose(1, 2), tokens)
    assert run_verbs("vos", "", VERBS, ["weights", "info", str(tmp_path / "w.pth")]) == 0
    assert f"timm:{name}" in capsys.readouterr().out


def test_position_embeddings_of_another_size_go_through_timm(tmp_path):
    state, _ = published(SMALL)
    state["pos_embed"] = torch.randn(1, 1 + 16 * 16, 384)
    torch.save(state, tmp_path / "w.pth")
    backbone = load_backbone(weights=tmp_path / "w.pth", device="cpu", precision="fp32")
    expected = checkpoint_filter_fn(dict(state), backbone.network)["pos_embed"]
    assert torch.equal(backbone.network.pos_embed, expected)


def test_the_advice_for_a_distilled_vit_works(tmp_path):
    name = "deit_tiny_distilled_patch16_224"
    torch.manual_seed(0)
    network = timm.create_model(name)
    torch.save({"model": network.state_dict()}, tmp_path / "w.pth")
    for given in (None, f"timm:{name}"):
        backbone = load_backbone(given, weights=tmp_path / "w.pth", device="cpu", precision="fp32")
        assert torch.equal(backbone.network.dist_token, network.dist_token)


def test_other_vits_with_layer_scale_are_refused_without_naming_the_mask_token(tmp_path):
    state, _ = published(SMALL)
    few = {n: t for n, t in state.items() if not re.match(r"blocks\.([2-9]|1\d)\.", n)}
    torch.save(few, tmp_path / "w.pth")
    with pytest.raises(InputError, match="layer scale") as raised:
        load_backbone(weights=tmp_path / "w.pth", device="cpu")
    assert "mask token" not in str(raised.value)
