"""A cached backbone in the place of any other: placing, layers, class tokens, attention, export."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vos.backbones.backbone import Backbone
from vos.backbones.dino import DinoViT
from vos.backbones.export import export_backbone
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError
from vos.features.attention import AttentionReader
from vos.features.cache import CachedBackbone
from vos.runtime.devices import resolve_precision

CPU = torch.device("cpu")


@pytest.fixture
def images():
    return torch.randn(3, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def entries(folder):
    return sorted(folder.rglob("*.safetensors"))


def small_vit():
    torch.manual_seed(0)
    network = VisionTransformer(16, 64, 2, 1, img_size=64)
    return DinoViT(network, WeightsRecord("small", "untrained", None, "none"))


def built_in_cnn():
    return load_backbone("efficientnet_lite0", untrained=True, device="cpu", precision="fp32")


@pytest.fixture(params=[small_vit, built_in_cnn])
def fresh(request):
    return request.param()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("wrapped_first", [True, False])
def test_placing_is_that_of_the_backbone(fresh, images, tmp_path, precision, wrapped_first):
    dtype = resolve_precision(precision, CPU)
    if wrapped_first:
        cached = CachedBackbone(fresh, tmp_path)
        assert cached.place(CPU, dtype) is cached
    else:
        cached = CachedBackbone(fresh.place(CPU, dtype), tmp_path)
    is_vit = isinstance(fresh, DinoViT)
    weights = {p.dtype for p in cached.parameters()}
    assert weights == {dtype if is_vit else torch.float32}
    assert cached.dtype == fresh.dtype == dtype
    assert cached.describe() == fresh.describe()
    assert torch.equal(cached(images[:1]), fresh(images[:1]))
    assert load_file(entries(tmp_path)[0])["features"].dtype == dtype


def test_entries_of_two_precisions_are_kept_apart_when_it_is_moved(fresh, images, tmp_path):
    cached = CachedBackbone(fresh, tmp_path)
    single = cached(images[:1])
    for move in (
        lambda: cached.place(CPU, torch.bfloat16),
        lambda: fresh.place(CPU, torch.float32),
    ):
        move()
        assert torch.equal(cached(images[:1]), fresh(images[:1]))
    assert torch.allclose(cached(images[:1]), single, atol=0.1)
    with pytest.raises(InputError, match="feature cache"):
        blocked = CachedBackbone(fresh, tmp_path / "other")
        _block(tmp_path / "other")
        blocked.place(CPU, torch.float16)


def _block(folder):
    for inner in folder.iterdir():
        inner.rmdir()
    folder.rmdir()
    folder.write_text("")


def test_pytorchs_own_moves_are_followed(images, tmp_path):
    cached = CachedBackbone(small_vit(), tmp_path)
    cached(images[:1])
    cached.to(torch.bfloat16)
    assert torch.equal(cached(images[:1]), cached.inner(images[:1]))
    assert cached.computed == 2
    assert cached.describe() == cached.inner.describe()


def test_it_says_of_itself_what_the_backbone_says(fresh, tmp_path):
    cached = CachedBackbone(fresh, tmp_path)
    assert isinstance(cached, Backbone)
    facts = ["depth", "has_class_token", "has_class_attention", "needs_whole_patches"]
    names = [*facts, "computes_in_16_bits", "stride", "dim", "mean", "std", "record", "network"]
    for name in (*names, "device", "dtype"):
        assert getattr(cached, name) == getattr(fresh, name), name


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_plain_features_come_from_the_cache(fresh, tmp_path, precision):
    fresh.place(CPU, resolve_precision(precision, CPU))
    frame = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    size = {"short_side": 64, "size_multiple": 16}
    expected = fresh.features(frame, **size)
    cached = CachedBackbone(fresh, tmp_path)
    assert torch.equal(cached.features(frame, **size).patches, expected.patches)
    again = CachedBackbone(fresh, tmp_path)
    twice = again.features(frame, layers=(-1, fresh.depth - 1), **size)
    assert torch.equal(twice.patches, expected.patches.repeat(1, 2, 1, 1, 1))
    assert twice.class_tokens is None
    assert torch.equal(again(again.preprocess(frame, **size)), expected.patches[:, 0])
    assert (again.found, again.computed) == (2, 0)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_layers_class_tokens_and_attention_are_the_vits(images, tmp_path, precision):
    vit = small_vit().place(CPU, resolve_precision(precision, CPU))
    cached = CachedBackbone(vit, tmp_path, "bf16")
    for chosen in ({"layers": (0, -1)}, {"class_token": True}):
        ours, expected = cached.features(images, **chosen), vit.features(images, **chosen)
        assert torch.equal(ours.patches, expected.patches)
        if expected.class_tokens is not None:
            assert torch.equal(ours.class_tokens, expected.class_tokens)
    assert torch.equal(cached.class_attention(images), vit.class_attention(images))
    frame = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    ours, expected = (AttentionReader(b, short_side=64).read(frame) for b in (cached, vit))
    assert [m.name for m in ours] == [m.name for m in expected] == ["mean", "head1"]
    assert np.array_equal(ours[1].weights, expected[1].weights)
    with pytest.raises(InputError, match="sides multiples of 16"):
        cached.features(torch.zeros(1, 3, 32, 40))


def test_a_cnn_in_the_cache_has_no_class_token_either(images, tmp_path):
    backbone = built_in_cnn()
    cached = CachedBackbone(backbone, tmp_path)
    for extractor in (backbone, cached):
        with pytest.raises(InputError, match="gives no attention of a class token"):
            extractor.class_attention(images)
        with pytest.raises(InputError, match="gives no attention of a class token"):
            AttentionReader(extractor)
        with pytest.raises(InputError, match="has no class token"):
            extractor.features(images, class_token=True)
    assert cached.features(torch.zeros(1, 3, 37, 50)).patches.shape == (1, 1, 152, 5, 7)


def test_what_is_exported_holds_no_features_of_the_cache(fresh, tmp_path):
    cached = CachedBackbone(fresh, tmp_path / "cache", "bf16")  # rounded, the check would fail
    report = export_backbone(cached, tmp_path / "network.pt", "torchscript")
    assert len(report.differences) == 4
    assert (cached.found, cached.computed) == (0, 0)
