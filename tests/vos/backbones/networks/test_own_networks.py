"""The networks of our own are timm's to the bit, and run without timm."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import timm
import timm.models.vision_transformer as timm_vit
import torch
from timm.optim import param_groups_layer_decay
from torch import nn

from vos.backbones.efficientnet_lite0 import fold_batch_norms, lite0_state
from vos.backbones.networks.efficientnet import EfficientNet, SameConv2d
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.networks.vit_blocks import Attention
from vos.backbones.weights import packaged_file
from vos.errors import InputError

HEAVY = ("timm", "torchvision", "torch._dynamo")


def images(*size, seed=1):
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed))


def seeded(build, seed=3):
    torch.manual_seed(seed)
    return build()


def timms_vit(drop_path_rate=0.0):
    return timm_vit.VisionTransformer(
        img_size=32,
        patch_size=8,
        num_classes=0,
        embed_dim=48,
        depth=3,
        num_heads=4,
        norm_layer=lambda width, **options: nn.LayerNorm(width, eps=1e-6, **options),
        drop_path_rate=drop_path_rate,
    )


def our_vit(drop_path_rate=0.0):
    return VisionTransformer(8, 48, 3, 4, img_size=32, drop_path_rate=drop_path_rate)


def timms_lite0():
    return timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)


def assert_same_states(ours, theirs, but=()):
    assert list(ours) == list(theirs)
    assert [n for n in ours if not torch.equal(ours[n], theirs[n])] == list(but)


def pass_and_gradients(network, batch, seed=5):
    """Run a step's forward and backward pass, with what is drawn in it."""
    torch.manual_seed(seed)
    network.train()
    out = network(batch)
    network.zero_grad()
    out.square().sum().backward()
    return [out, *(p.grad for p in network.parameters()), torch.rand(2)]


def groups_by_depth(network):
    network.reset_classifier(3)
    names = {id(p): name for name, p in network.named_parameters()}
    groups = param_groups_layer_decay(network, layer_decay=0.5)
    return [([names[id(p)] for p in g["params"]], g["weight_decay"], g["lr_scale"]) for g in groups]


def test_names_by_which_kept_features_are_known_are_timms():
    assert EfficientNet.__qualname__ == type(timms_lite0()).__qualname__
    assert VisionTransformer.__qualname__ == type(timms_vit()).__qualname__


# --- the ViT


def test_a_seed_gives_timms_vit_but_for_the_class_token():
    assert_same_states(
        seeded(our_vit).state_dict(), seeded(timms_vit).state_dict(), but=["cls_token"]
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_vit_is_timms_to_the_bit(dtype):
    ours, theirs = our_vit().to(dtype).eval(), timms_vit().to(dtype).eval()
    theirs.load_state_dict(ours.state_dict())
    batch = images(32, 32).to(dtype)
    assert torch.equal(ours(batch), theirs(batch))
    assert torch.equal(ours.forward_features(batch), theirs.forward_features(batch))


@pytest.mark.parametrize("drop_path_rate", [0.0, 0.4])
def test_training_of_the_vit_is_timms_to_the_bit(drop_path_rate):
    ours, theirs = our_vit(drop_path_rate), timms_vit(drop_path_rate)
    theirs.load_state_dict(ours.state_dict())
    batch = images(32, 32)
    for own, other in zip(
        pass_and_gradients(ours, batch), pass_and_gradients(theirs, batch), strict=True
    ):
        assert torch.equal(own, other)


def test_classifier_and_groups_of_the_vit_are_timms():
    ours, theirs = our_vit(), timms_vit()
    assert isinstance(ours.get_classifier(), nn.Identity)
    assert groups_by_depth(ours) == groups_by_depth(theirs)
    assert ours.get_classifier() is ours.head
    assert ours(images(32, 32)).shape == (2, 3)
    ours.reset_classifier(0)
    assert ours(images(32, 32)).shape == (2, 48)


def test_images_that_leave_part_of_a_patch_are_refused():
    with pytest.raises(InputError, match=r"30x32 pixels; expected sides .* multiples of .* 8"):
        our_vit()(images(32, 30))


def test_heads_have_to_divide_the_width():
    with pytest.raises(ValueError, match="5 heads do not divide the width 48"):
        Attention(48, 5)


# --- the built-in CNN


def test_a_seed_gives_timms_cnn():
    assert_same_states(seeded(EfficientNet).state_dict(), seeded(timms_lite0).state_dict())


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("size", [(64, 96), (97, 131)])
def test_cnn_is_timms_to_the_bit(folded, size):
    ours, theirs = EfficientNet().eval(), timms_lite0().eval()
    state = lite0_state(packaged_file())
    state = {n: t for n, t in state.items() if not n.startswith("classifier.")}
    for network in (ours, theirs):
        network.load_state_dict(state)
        if folded:
            fold_batch_norms(network)
        network.to(memory_format=torch.channels_last)
    batch = images(*size)
    with torch.inference_mode():
        maps = theirs.forward_intermediates(
            batch, indices=[2, 3], stop_early=True, intermediates_only=True
        )
        for own, other in zip(ours.stage_maps(batch, (2, 4)), maps, strict=True):
            assert torch.equal(own, other)
        last = ours.forward_features(batch)
        assert torch.equal(last, theirs.forward_features(batch))
        assert torch.equal(
            ours.forward_head(last, pre_logits=True), theirs.forward_head(last, pre_logits=True)
        )


def test_training_of_the_cnn_is_timms_to_the_bit():
    ours, theirs = seeded(EfficientNet), seeded(timms_lite0)
    batch = images(64, 64)
    for own, other in zip(
        pass_and_gradients(ours, batch), pass_and_gradients(theirs, batch), strict=True
    ):
        assert torch.equal(own, other)
    assert_same_states(ours.state_dict(), theirs.state_dict())


def test_classifier_and_groups_of_the_cnn_are_timms():
    ours, theirs = EfficientNet(), timms_lite0()
    assert isinstance(ours.get_classifier(), nn.Identity)
    assert groups_by_depth(ours) == groups_by_depth(theirs)
    assert ours.get_classifier() is ours.classifier
    assert ours.eval()(images(64, 64)).shape == (2, 3)
    assert ours.group_matcher(coarse=True) == theirs.group_matcher(coarse=True)
    ours.reset_classifier(0)
    assert ours(images(64, 64)).shape == (2, 1280)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [(8, 9), (7, 12)])
def test_padding_is_timms(kernel, size):
    theirs = timm.layers.Conv2dSame(3, 4, kernel, 2)
    ours = SameConv2d(3, 4, kernel, 2)
    ours.load_state_dict(theirs.state_dict())
    assert torch.equal(ours(images(*size)), theirs(images(*size)))


# --- what is imported


def loaded_after(program, *arguments):
    """Run a program in a process of its own and return which heavy packages it has imported."""
    report = f"\nimport sys\nprint('heavy:', *(n for n in {HEAVY} if n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program + report, *map(str, arguments)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("name", ["efficientnet_lite0", "dino_vits16"])
def test_own_networks_run_without_heavy_packages(name):
    program = f"""
import torch, vos
backbone = vos.load_backbone({name!r}, untrained=True, device="cpu")
assert backbone(torch.zeros(1, 3, 64, 64)).shape[2] == 64 // backbone.stride
"""
    assert loaded_after(program) == []


def test_a_model_of_timm_brings_timm():
    program = "import vos; vos.load_backbone('timm:resnet18', untrained=True, device='cpu')"
    assert "timm" in loaded_after(program)


def test_segment_runs_without_heavy_packages(tmp_path):
    frame = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    mask = np.zeros((64, 96), np.uint8)
    mask[16:48, 16:48] = 1
    (tmp_path / "frames").mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / "frames" / f"{number:05}.png"), frame)
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    program = """
import sys
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
assert run_verbs("vos", "", VERBS, sys.argv[1:]) == 0
"""
    given = ["--backbone", "efficientnet_lite0", "--device", "cpu", "--short-side", 64]
    paths = [tmp_path / "frames", "--mask", tmp_path / "mask.png", "-o", tmp_path / "out"]
    assert loaded_after(program, "segment", *paths, *given) == []
    assert len(list((tmp_path / "out" / "masks").glob("*.png"))) == 3


def test_pretraining_of_a_vit_needs_neither_timm_nor_torchvision():
    program = """
import pretrain.cli, pretrain.cli.train, pretrain.train
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.models.student_teacher import build_networks
build_networks(PretrainConfig(arch="vit_tiny", out_dim=16, global_crops_size=32))
"""
    assert not {"timm", "torchvision"} & set(loaded_after(program))
