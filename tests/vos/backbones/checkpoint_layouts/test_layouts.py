"""Checkpoints of each layout give the features of the network that they were made from."""

import argparse
import re

import pytest
import torch
from safetensors.torch import save_file

from vos.backbones.checkpoints import load_checkpoint
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.errors import InputError

WIDTH, DEPTH, PATCH = 128, 2, 16


def weights(seed=0):
    torch.manual_seed(seed)
    network = VisionTransformer(PATCH, WIDTH, DEPTH, 2, img_size=64)
    for values in network.parameters():
        torch.nn.init.normal_(values, std=0.05)
    return network.state_dict()


STATE, OTHER = weights(0), weights(1)
IMAGES = torch.randn(1, 3, 48, 80, generator=torch.Generator().manual_seed(0))


def prefixed(prefix, tensors=None):
    return {prefix + name: tensor for name, tensor in (tensors or STATE).items()}


def renamed(rules, parts=None, tensors=None):
    """Rename by the rules, and part queries, keys and values under the names given."""
    result = {}
    for own, tensor in (tensors or STATE).items():
        name = own
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        if parts and ".attn.qkv." in name:
            for part, chunk in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                result[name.replace(".attn.qkv.", f"{parts}{part}.")] = chunk.clone()
        else:
            result[name] = tensor
    return result


def hugging_face(prefix=""):
    rules = (
        (r"^cls_token", "embeddings.cls_token"),
        (r"^pos_embed", "embeddings.position_embeddings"),
        (r"^patch_embed\.proj", "embeddings.patch_embeddings.projection"),
        (r"^norm\.", "layernorm."),
        (r"^blocks\.", "encoder.layer."),
        (r"\.norm1\.", ".layernorm_before."),
        (r"\.norm2\.", ".layernorm_after."),
        (r"\.attn\.proj\.", ".attention.output.dense."),
        (r"\.mlp\.fc1\.", ".intermediate.dense."),
        (r"\.mlp\.fc2\.", ".output.dense."),
    )
    named = renamed(rules, ".attention.attention.")
    named["pooler.dense.weight"] = torch.zeros(WIDTH, WIDTH)
    return {**prefixed(prefix, named), "classifier.weight": torch.zeros(3, WIDTH)}


def torchvision():
    rules = (
        (r"^cls_token", "class_token"),
        (r"^pos_embed", "encoder.pos_embedding"),
        (r"^patch_embed\.proj", "conv_proj"),
        (r"^norm\.", "encoder.ln."),
        (r"^blocks\.", "encoder.layers.encoder_layer_"),
        (r"\.norm(\d)\.", r".ln_\1."),
        (r"\.attn\.qkv\.", ".self_attention.in_proj_"),
        (r"\.attn\.proj\.", ".self_attention.out_proj."),
        (r"\.mlp\.fc1\.", ".mlp.0."),
        (r"\.mlp\.fc2\.", ".mlp.3."),
    )
    return {**renamed(rules), "heads.head.weight": torch.zeros(3, WIDTH)}


def mmpretrain():
    rules = (
        (r"^patch_embed\.proj", "patch_embed.projection"),
        (r"^norm\.", "ln1."),
        (r"^blocks\.", "layers."),
        (r"\.norm(\d)\.", r".ln\1."),
        (r"\.mlp\.fc1\.", ".ffn.layers.0.0."),
        (r"\.mlp\.fc2\.", ".ffn.layers.1."),
    )
    return {"state_dict": prefixed("backbone.", renamed(rules)), "meta": {"epoch": 3}}


def masked_autoencoder():
    decoder = {
        "mask_token": torch.zeros(1, 1, 32),
        "decoder_pos_embed": torch.zeros(1, 17, 32),
        "decoder_embed.weight": torch.zeros(32, WIDTH),
        "decoder_blocks.0.norm1.weight": torch.zeros(32),
        "decoder_norm.weight": torch.zeros(32),
        "decoder_pred.weight": torch.zeros(768, 32),
    }
    return {"model": {**STATE, **decoder}, "args": argparse.Namespace(model="mae_vit"), "epoch": 3}


LAYOUTS = {
    "Hugging Face": (hugging_face(), "names of Hugging Face"),
    "Hugging Face in a classifier": (hugging_face("vit."), "names of Hugging Face, taken: vit"),
    "torchvision": (torchvision(), "names of torchvision"),
    "mmpretrain": (mmpretrain(), "names of mmpretrain, taken: state_dict, backbone"),
    "MAE": (masked_autoencoder(), "names of MAE, taken: model"),
    "a mask token": ({**STATE, "mask_token": torch.zeros(1, WIDTH)}, "plain"),
    "iBOT": (
        {"teacher": prefixed("backbone.", {**STATE, "masked_embed": torch.zeros(1, WIDTH)})},
        "full, teacher network",
    ),
    "DINOv2 in chunks": (renamed([(r"^blocks\.", "blocks.0.")]), "plain"),
    **{
        prefix: ({"state_dict": {**prefixed(prefix), "queue": torch.zeros(4)}}, prefix.strip("."))
        for prefix in (
            "encoder_q.", "module.encoder_q.", "base_encoder.", "module.base_encoder.",
            "momentum_encoder.", "student_backbone.", "teacher_backbone.", "momentum_backbone.",
            "net.", "encoder.", "model.", "student.backbone.vit.", "anything.else.",
        )
    },
    "model_state_dict": ({"model_state_dict": STATE, "epoch": 3}, "taken: model_state_dict"),
    "state_dict_ema": (
        {"state_dict": STATE, "state_dict_ema": OTHER},
        "taken: state_dict, not taken: state_dict_ema",
    ),
    "lightly": (
        {
            "state_dict": {
                **prefixed("student_backbone.vit.", OTHER),
                **prefixed("teacher_backbone.vit."),
                "teacher_head.last_layer.weight": torch.zeros(4, 4),
            }
        },
        "taken: state_dict, teacher_backbone.vit, not taken: student_backbone.vit",
    ),
    "solo-learn": (
        {
            "state_dict": {
                **prefixed("momentum_backbone.", OTHER),
                **prefixed("backbone."),
                "momentum_projector.0.weight": torch.zeros(4, 4),
                "classifier.weight": torch.zeros(3, WIDTH),
            }
        },
        "taken: state_dict, backbone, not taken: momentum_backbone",
    ),
    "MoCo-v3": (
        {
            "arch": "vit_small",
            "state_dict": {
                **prefixed("module.momentum_encoder.", OTHER),
                **prefixed("module.base_encoder."),
                "module.base_encoder.head.0.weight": torch.zeros(4, WIDTH),
            },
        },
        "module.base_encoder, not taken: module.momentum_encoder",
    ),
    "one key": ({"mine": prefixed("backbone."), "epoch": 3}, "taken: mine, backbone"),
}  # fmt: skip


def features(path, **options):
    return load_backbone(weights=path, device="cpu", precision="fp32", **options)(IMAGES)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    torch.save(STATE, folder / "w.pth")
    torch.save(OTHER, folder / "other.pth")
    return features(folder / "w.pth"), features(folder / "other.pth")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_gives_the_same_features(tmp_path, capsys, expected, layout):
    content, told = LAYOUTS[layout]
    torch.save(content, tmp_path / "w.pth")
    assert torch.equal(features(tmp_path / "w.pth"), expected[0])
    assert run_verbs("vos", "", VERBS, ["weights", "info", str(tmp_path / "w.pth")]) == 0
    printed = capsys.readouterr().out
    assert told in printed.splitlines()[1]
    assert "patch 16, width 128, 2 blocks, 2 heads" in printed


@pytest.mark.parametrize(
    ("layout", "key"),
    [
        ("state_dict_ema", "state_dict_ema"),
        ("lightly", "student"),
        ("lightly", "student_backbone"),
        ("solo-learn", "momentum_backbone"),
        ("MoCo-v3", "momentum_encoder"),
        ("MoCo-v3", "module.momentum_encoder"),
    ],
)
def test_the_key_takes_any_network(tmp_path, expected, layout, key):
    torch.save(LAYOUTS[layout][0], tmp_path / "w.pth")
    assert torch.equal(features(tmp_path / "w.pth", checkpoint_key=key), expected[1])


def test_safetensors_of_hugging_face(tmp_path, expected):
    save_file(hugging_face(), tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert torch.equal(features(tmp_path / "model.safetensors"), expected[0])
    assert load_checkpoint(tmp_path / "model.safetensors").layout == "safetensors"


def test_a_key_that_is_not_there(tmp_path):
    torch.save(LAYOUTS["MoCo-v3"][0], tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"holds no 'ema' network; it holds: module\.base_encoder"):
        load_checkpoint(tmp_path / "w.pth", key="ema")
    torch.save({"a": STATE, "b": OTHER}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="a, b; say which to take with --checkpoint-key"):
        load_checkpoint(tmp_path / "w.pth")
    assert load_checkpoint(tmp_path / "w.pth", key="b").taken == "b"
