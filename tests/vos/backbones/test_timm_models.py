"""timm's models as backbones."""

import pytest
import torch
from safetensors.torch import save_file

from tests.data.backbones import frame, untrained
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.timm_models import TimmBackbone
from vos.errors import InputError


def test_patch_14_rounds_to_whole_patches():
    backbone = untrained("timm:vit_small_patch14_dinov2")
    assert backbone.stride == 14
    assert backbone.input_size(480, 854) == (476, 840)
    image = backbone.preprocess(frame(100, 180), short_side=56)
    assert image.shape[2:] == (56, 56)
    assert backbone(image).shape == (1, 384, 4, 4)


@pytest.mark.parametrize(
    ("name", "stride", "dim"),
    [
        ("vit_tiny_patch16_224", 16, 192),
        ("resnet18", 8, 128),
        ("convnext_atto", 8, 80),
        ("swin_tiny_patch4_window7_224", 8, 192),
    ],
)
def test_timm_models_give_maps(name, stride, dim):
    backbone = untrained(f"timm:{name}")
    assert isinstance(backbone, TimmBackbone)
    assert (backbone.stride, backbone.dim) == (stride, dim)
    image = backbone.preprocess(frame(64, 96), short_side=0)
    assert backbone(image).shape == (1, dim, 64 // stride, 96 // stride)


def test_feature_stride_chooses_a_level():
    assert untrained("timm:resnet18", feature_stride=4).stride == 4
    assert untrained("timm:resnet18", feature_stride=31).dim == 256
    with pytest.raises(InputError, match="none is at most 1"):
        untrained("timm:resnet18", feature_stride=1)


def test_timm_models_bring_their_own_normalisation():
    backbone = untrained("timm:vit_tiny_patch16_224")
    assert (backbone.mean, backbone.std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_timm_weights_from_a_file(tmp_path):
    import timm

    torch.manual_seed(3)
    network = timm.create_model("resnet18", pretrained=False)
    save_file(network.state_dict(), tmp_path / "r.safetensors")
    backbone = load_backbone(
        "timm:resnet18", weights=tmp_path / "r.safetensors", device="cpu", precision="fp32"
    )
    assert torch.equal(backbone.network.conv1.weight, network.conv1.weight)
    assert backbone.record.layout == "safetensors"
    with pytest.raises(InputError, match="say it with --backbone timm:NAME"):
        load_backbone(weights=tmp_path / "r.safetensors", device="cpu")
    with pytest.raises(InputError, match="not a ViT's"):
        load_backbone("dino_vits8", weights=tmp_path / "r.safetensors", device="cpu")
    for arch in ("resnet18", "timm:resnet18"):  # exported files say the one, training's the other
        told = tmp_path / "told.safetensors"
        save_file(network.state_dict(), told, metadata={"arch": arch})
        loaded = load_backbone(weights=told, device="cpu", precision="fp32")
        assert loaded.record.name == "timm:resnet18"


def test_dino_weights_through_timm(tmp_path):
    """timm's own ViT takes the same tensors; only its position embeddings differ by the rule."""
    torch.manual_seed(0)
    network = VisionTransformer(16, 192, 12, 3)
    torch.save(network.state_dict(), tmp_path / "tiny.pth")
    ours = load_backbone(weights=tmp_path / "tiny.pth", device="cpu", precision="fp32")
    timms = load_backbone(
        "timm:vit_tiny_patch16_224", weights=tmp_path / "tiny.pth", device="cpu", precision="fp32"
    )
    assert ours.record.name == "vit_tiny_patch16"
    images = torch.randn(1, 3, 224, 224)
    assert torch.allclose(ours(images), timms(images), atol=1e-4)


@pytest.mark.parametrize("name", ["timm:resnet18x", "timm:", "timm:no.such"])
def test_names_unknown_to_timm_are_refused(name):
    with pytest.raises(InputError, match=r"has no model .*near:"):
        untrained(name)


def test_timm_weights_without_a_network(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route to the hub")

    monkeypatch.setattr("timm.create_model", offline)
    with pytest.raises(InputError, match="no route to the hub") as raised:
        load_backbone("timm:resnet18", device="cpu")
    assert "--weights FILE" in str(raised.value)
    assert "efficientnet_lite0" in str(raised.value)
