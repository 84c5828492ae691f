"""The protocol's size rule."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vos.backbones.input_size import IMAGENET_MEAN, IMAGENET_STD, InputRule, frame_size
from vos.backbones.loading import load_backbone
from vos.errors import InputError


@pytest.fixture(scope="module")
def built_in():
    return load_backbone("efficientnet_lite0", device="cpu", precision="fp32")


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


@pytest.mark.parametrize(
    ("rule", "frame", "patch", "want"),
    [
        (InputRule(height=320, width=512), (1080, 1920), 8, (320, 512)),
        (InputRule(height=480, width=880), (100, 100), 14, (476, 868)),
        # One number for the longer side, as CropMAE's code takes it.
        (InputRule(long_side=880), (480, 854), 16, (448, 880)),
        (InputRule(long_side=880), (854, 480), 16, (880, 448)),
        (InputRule(long_side=880), (500, 500), 16, (880, 832)),
        # Up to whole patches, as DINOv3's notebook rounds.
        (InputRule(short_side=960, size_multiple=1, round_up=True), (480, 854), 16, (960, 1712)),
        (InputRule(short_side=960, size_multiple=1, round_up=True), (854, 480), 16, (1712, 960)),
        (InputRule(short_side=950, size_multiple=1, round_up=True), (480, 480), 16, (960, 960)),
        (InputRule(short_side=0, round_up=True), (33, 64), 16, (48, 64)),
    ],
)
def test_other_size_rules(rule, frame, patch, want):
    assert rule.size(*frame, patch) == want


def test_frames_may_be_resized_in_float_and_with_their_channels_reversed(vits16):
    frame = np.random.default_rng(0).integers(0, 256, (48, 70, 3), np.uint8)
    rule = InputRule(
        height=32,
        width=64,
        resampling="linear-float",
        channel_order="bgr",
        normalization="imagenet",
    )
    image = vits16.preprocess(frame, rule=rule)
    want = torch.from_numpy(frame[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
    want = F.interpolate(want, (32, 64), mode="bilinear", align_corners=False)
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    assert torch.allclose(image, (want - mean) / std, atol=1e-5)


def test_bicubic_is_antialiased(vits16):
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    rule = InputRule(height=32, width=32, resampling="bicubic")
    assert np.ptp(rule.resize(stripes, 32, 32)[4:-4, 4:-4]) <= 2
    assert np.array_equal(rule.resize(stripes, 128, 128), stripes)


def test_a_rule_without_a_patch_names_the_sides(vits16):
    with pytest.raises(InputError, match="no patch of 16 pixels at input 8x64"):
        vits16.preprocess(np.zeros((48, 70, 3), np.uint8), rule=InputRule(height=64, width=8))
    with pytest.raises(InputError, match="long side 40"):
        InputRule(long_side=40).size(10, 100, 16)


def test_all_frames_of_a_video_have_the_size_of_the_first():
    frame = np.zeros((60, 80, 3), np.uint8)
    assert frame_size(frame, None, 0) == (60, 80)
    assert frame_size(frame, (60, 80), 4) == (60, 80)
    with pytest.raises(InputError, match=r"frame 5 is 80x60 pixels, the first was 90x60; .*reset"):
        frame_size(frame, (60, 90), 5)
