"""DINO's ViTs as frozen backbones."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.data.backbones import frame, untrained
from vos.backbones.dino import DinoViT
from vos.backbones.input_size import PROTOCOL_STD
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import position_embedding
from vos.errors import InputError


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
