from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from benchmarks.speed.plain_protocol import plain_features, plain_propagation, window_mask
from benchmarks.speed.propagation import plain_clip, run_clip
from vos.backbones.dino import DinoViT
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.weights_record import WeightsRecord
from vos.datasets.demo_clip import demo_frames
from vos.propagation.affinity import propagate_labels
from vos.propagation.config import PropagationConfig
from vos.propagation.neighborhood import Neighborhood


@pytest.fixture(scope="module")
def vit():
    torch.manual_seed(0)
    network = VisionTransformer(16, 64, 2, 1)
    return DinoViT(network, WeightsRecord("small", "untrained", None, "none"))


def small_clip(frames):
    return [
        (cv2.resize(image, (427, 240)), np.ascontiguousarray(mask[::2, ::2]))
        for image, mask in islice(demo_frames(), frames)
    ]


@torch.no_grad()
def test_plain_features_leave_registers_out():
    network = VisionTransformer(16, 64, 2, 1, registers=3).eval()
    image = torch.randn(1, 3, 32, 48)
    expected = network.forward_features(image)[0, 4:]
    torch.testing.assert_close(plain_features(network.state_dict(), 1, image), expected)


def test_plain_features_equal_ours(vit):
    image = vit.preprocess(next(demo_frames())[0], short_side=128)
    with torch.inference_mode():
        ours = vit(image)[0].flatten(1).T
        plain = plain_features(vit.network.state_dict(), 1, image)
    torch.testing.assert_close(plain, ours, atol=1e-5, rtol=0)


def test_plain_propagation_equals_ours():
    generator = torch.Generator().manual_seed(1)
    grid, config = (9, 14), PropagationConfig(neighborhood_radius=3)
    frames = torch.nn.functional.normalize(torch.randn(4, *grid, 8, generator=generator), dim=-1)
    labels = [torch.rand(9 * 14, 3, generator=generator) for _ in range(3)]
    neighborhood = Neighborhood(*grid, 3)
    ours = propagate_labels(
        frames[0],
        [neighborhood.lay_out(frame) for frame in frames[1:]],
        labels,
        neighborhood,
        topk=config.topk,
        temperature=config.temperature,
    )
    target, *context = frames.flatten(1, 2)
    plain = plain_propagation(target, context, labels, window_mask(*grid, 3), config)
    torch.testing.assert_close(plain, ours, atol=1e-5, rtol=0)


def test_plain_clip_gives_our_masks(vit):
    clip = small_clip(4)
    ours, plain = run_clip(vit, clip), plain_clip(vit, clip)
    assert all(set(np.unique(mask)) >= {0, 1, 2} for mask in ours)
    agreement = [np.mean(a == b) for a, b in zip(ours, plain, strict=True)]
    assert min(agreement) > 0.9999
