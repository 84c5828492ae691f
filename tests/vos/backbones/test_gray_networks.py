"""Networks of one channel take the gray of a frame, normalised as in their training."""

import numpy as np
import pytest
import torch

from pretrain.data.device_augmentations import network_input
from vos.backbones.export import export_backbone
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.errors import InputError


def network_file(path, channels):
    torch.manual_seed(0)
    network = VisionTransformer(8, 64, 2, 1, in_chans=channels, img_size=64)
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture
def gray(tmp_path):
    return load_backbone(
        weights=network_file(tmp_path / "gray.pth", 1), device="cpu", precision="fp32"
    )


FRAME = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def test_a_frame_becomes_what_training_saw(gray):
    image = gray.preprocess(FRAME, short_side=64)
    assert torch.allclose(image, network_input([FRAME], 1), atol=1e-5)


def test_features_and_attention_are_those_of_the_gray_frame(gray):
    colours = gray.features(FRAME, short_side=64).patches
    assert colours.shape[-3:] == (64, 8, 8)
    image = network_input([FRAME], 1)
    assert torch.allclose(colours, gray.features(image).patches, atol=1e-4)
    assert gray.class_attention(image).shape == (1, 1, 8, 8)


def test_colour_images_are_refused_with_the_shape_expected(gray):
    with pytest.raises(InputError, match=r"\(B, 1, H, W\)"):
        gray.features(torch.zeros(1, 3, 64, 64))


def test_a_network_of_one_channel_is_exported(gray, tmp_path):
    report = export_backbone(gray, tmp_path / "gray.ts", form="torchscript")
    assert max(report.differences.values()) < 1e-3


def test_other_numbers_of_channels_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"4 channels; frames have 3 \(RGB\), or 1 as gray"):
        load_backbone(weights=network_file(tmp_path / "four.pth", 4), device="cpu")
