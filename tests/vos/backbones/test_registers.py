"""ViTs of our own training with register tokens: read, and without them in what they give."""

import pytest
import torch

from vos.backbones.checkpoints import load_checkpoint
from vos.backbones.export import exportable
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer

WITHOUT = (16, 64, 2, 1)
R = 3


@pytest.fixture
def network():
    torch.manual_seed(0)
    vit = VisionTransformer(*WITHOUT, img_size=64, registers=R).eval()
    with torch.no_grad():
        vit.registers.normal_()
        vit.pos_embed.normal_()
    return vit


@pytest.fixture
def backbone(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "w.pth")
    return load_backbone(weights=tmp_path / "w.pth", device="cpu", precision="fp32")


def written_out(vit, images):
    """All tokens after the final norm: class token, registers without a position, patches."""
    patches = vit.patch_embed(images).flatten(1, 2)
    first = vit.cls_token.expand(len(images), -1, -1) + vit.pos_embed[:, :1]
    registers = vit.registers.expand(len(images), -1, -1)
    tokens = torch.cat([first, registers, patches + vit.pos_embed[:, 1:]], dim=1)
    return vit.norm(vit.blocks(tokens))


@torch.no_grad()
def test_features_and_class_tokens_are_those_of_patches_and_class(network, backbone):
    images = torch.randn(2, 3, 64, 64)
    tokens = written_out(network, images)
    assert tokens.shape[1] == 1 + R + 16
    torch.testing.assert_close(network.forward_features(images), tokens)
    torch.testing.assert_close(network(images), tokens[:, 0])
    ((patches, classes),) = backbone.block_features(images, [1])
    expected = tokens[:, 1 + R :].transpose(1, 2).unflatten(2, (4, 4))
    torch.testing.assert_close(patches, expected)
    torch.testing.assert_close(classes, tokens[:, 0])


@torch.no_grad()
def test_attention_is_that_to_patches_alone(backbone):
    images = torch.randn(1, 3, 64, 96)
    attention = backbone.class_attention(images)
    assert attention.shape == (1, 1, 4, 6)
    assert attention.sum() < 1  # the rest is on the class token and the registers


@torch.no_grad()
def test_what_is_exported_gives_the_same(backbone):
    for images in (torch.randn(1, 3, 64, 64), torch.randn(1, 3, 48, 96)):
        ((expected, _),) = backbone.block_features(images, [1])
        torch.testing.assert_close(exportable(backbone)(images), expected, rtol=1e-4, atol=1e-4)


def test_the_shape_of_a_file_says_how_many(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "w.pth")
    assert load_checkpoint(tmp_path / "w.pth").vit.registers == R


def test_without_registers_a_seed_gives_what_it_gave():
    networks = []
    for registers in (0, R):
        torch.manual_seed(3)
        networks.append(VisionTransformer(*WITHOUT, registers=registers).state_dict())
    assert "registers" not in networks[0] and networks[1].pop("registers").shape == (1, R, 64)
    assert networks[0].keys() == networks[1].keys()
    assert all(torch.equal(networks[0][name], networks[1][name]) for name in networks[0])


def test_all_of_them_are_in_the_groups_of_timm_s_optimisers(network):
    assert "registers" in network.no_weight_decay()
    assert "registers" in network.group_matcher()["stem"]
