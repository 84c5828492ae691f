"""Features of chosen layers, of every kind of backbone."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensorMode

from tests.data.backbones import frame, untrained
from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError
from vos.propagation.propagator import LabelPropagator
from vos.video.frames import Frame


def test_features_are_the_networks_tokens(vits16):
    torch.manual_seed(0)
    images = torch.randn(2, 3, 32, 48)
    found = vits16.features(images, layers=(-1, 9), class_token=True)
    assert found.patches.shape == (2, 2, 384, 2, 3)
    assert found.class_tokens.shape == (2, 2, 384)
    third, _, last = vits16.network.layers(images, 3)
    torch.testing.assert_close(found.patches[:, 0], vits16(images))
    torch.testing.assert_close(found.class_tokens[:, 0], last[:, 0])
    torch.testing.assert_close(found.class_tokens[:, 1], third[:, 0])
    torch.testing.assert_close(found.patches[1, 1, :, 1, 2], third[1, 1 + 5])
    assert vits16.features(images).class_tokens is None


def test_a_backbone_that_is_placed_on_a_gpu_computes_exactly(vits16, monkeypatch):
    placed = []
    monkeypatch.setattr("vos.backbones.backbone.set_exact_products", placed.append)
    monkeypatch.setattr(Backbone, "to", lambda self, **_: self)
    monkeypatch.setattr(vits16, "_dtype", None)
    vits16.place(torch.device("cuda"), torch.float32)
    assert placed == [torch.device("cuda")]
    monkeypatch.setattr(Backbone, "device", torch.device("cuda"))
    assert vits16.describe()["tf32"] in (True, False)
    monkeypatch.setattr(Backbone, "device", torch.device("cpu"))
    assert "tf32" not in vits16.describe()


def test_images_are_pinned_for_the_gpu_of_the_network(vits16, monkeypatch):
    current = []

    @contextmanager
    def device(chosen):
        current.append(chosen)
        yield
        current.pop()

    pinned = []
    monkeypatch.setattr(torch.cuda, "device", device)
    with FakeTensorMode() as mode:
        weights = torch.empty(1, device="cuda:1")
        monkeypatch.setattr(vits16.network, "parameters", lambda: iter([weights]))
        monkeypatch.setattr(
            torch.Tensor, "pin_memory", lambda self: pinned.append(current[-1]) or self
        )
        images = mode.from_tensor(torch.zeros(1, 3, 32, 32))
        assert vits16.to_input(images).device == torch.device("cuda:1")
    assert pinned == [torch.device("cuda:1")]


def test_features_of_frames(vits16):
    frames = np.stack([frame(40, 70, seed) for seed in range(2)])
    found = vits16.features(frames, short_side=32, size_multiple=16).patches
    assert found.shape == (2, 1, 384, 2, 3)
    images = vits16.preprocess(frames[1], short_side=32, size_multiple=16)
    torch.testing.assert_close(found[1:, 0], vits16(images))
    alone = vits16.features(frames[1], short_side=32, size_multiple=16).patches
    torch.testing.assert_close(alone[:, 0], vits16(images))
    with pytest.raises(InputError, match="RGB uint8"):
        vits16.features(frames.astype(np.float32))


def test_what_open_frames_gives_is_not_taken_for_its_picture(vits16):
    item = Frame("00000", 0, None, frame(40, 70))
    for take in (vits16.features, vits16.preprocess, LabelPropagator(vits16).step):
        with pytest.raises(InputError, match=r"got Frame .*take \.image"):
            take(item)


def test_features_of_timms_vits():
    backbone = untrained("timm:vit_tiny_patch16_224")
    torch.manual_seed(0)
    images = torch.randn(2, 3, 224, 224)
    found = backbone.features(images, layers=(11, 3), class_token=True)
    assert found.patches.shape == (2, 2, 192, 14, 14)
    tokens = backbone.network.forward_features(images)
    torch.testing.assert_close(found.class_tokens[:, 0], tokens[:, 0])
    torch.testing.assert_close(found.patches[:, 0].flatten(2), tokens[:, 1:].transpose(1, 2))
    blocks = backbone.network.blocks
    backbone.network.blocks = blocks[:4]
    shallow = backbone.network.forward_features(images)
    torch.testing.assert_close(found.class_tokens[:, 1], shallow[:, 0])


def test_features_of_timms_registers_and_of_vits_without_class_token():
    images = torch.zeros(1, 3, 28, 42)
    registers = untrained("timm:vit_small_patch14_reg4_dinov2")
    found = registers.features(images, class_token=True)
    tokens = registers.network.forward_features(images)
    torch.testing.assert_close(found.class_tokens[:, 0], tokens[:, 0])
    torch.testing.assert_close(found.patches[:, 0].flatten(2), tokens[:, 5:].transpose(1, 2))
    averaged = untrained("timm:vit_medium_patch16_gap_240")
    assert not averaged.has_class_token
    assert averaged.features(torch.zeros(1, 3, 32, 48), layers=(0, 1)).patches.shape[:2] == (1, 2)


def test_features_of_cnns():
    built_in = untrained("efficientnet_lite0")
    images = torch.randn(2, 3, 64, 96)
    found = built_in.features(images)
    torch.testing.assert_close(found.patches[:, 0], built_in(images))
    resnet = untrained("timm:resnet18", feature_stride=16)
    torch.testing.assert_close(resnet.features(images).patches[:, 0], resnet(images))
    with pytest.raises(InputError, match="has no class token"):
        built_in.features(images, class_token=True)
    with pytest.raises(InputError, match="one map of features: expected numbers from -1 to 0"):
        resnet.features(images, layers=(0, 1))


@pytest.mark.parametrize(("layers", "told"), [((12,), "are 12;"), ((-13,), "-13"), ((), "missing")])
def test_layers_that_are_not_there(vits16, layers, told):
    with pytest.raises(InputError, match=told):
        vits16.features(torch.zeros(1, 3, 32, 32), layers=layers)


def test_features_can_be_learnt_on(vits16):
    tokens = vits16.features(torch.zeros(1, 3, 32, 32), class_token=True).class_tokens
    head = torch.nn.Linear(384, 2)
    head(tokens).sum().backward()
    assert head.weight.grad is not None


def test_a_backbone_says_what_it_computes(vits16):
    with pytest.raises(TypeError, match="abstract"):
        Backbone(vits16.network, stride=1, dim=1, mean=(), std=(), record=vits16.record)


@pytest.mark.parametrize("shape", [(3, 32, 32), (0, 3, 32, 32), (1, 1, 32, 32), (1, 3, 32, 40)])
def test_images_that_do_not_fit(vits16, shape):
    with pytest.raises(InputError, match="sides multiples of 16"):
        vits16.features(torch.zeros(shape))


def test_no_frames(vits16):
    with pytest.raises(InputError, match="expected one image or more"):
        vits16.features(np.zeros((0, 32, 32, 3), np.uint8))


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("dino_vits16", True),
        ("timm:vit_tiny_patch16_224", True),
        ("timm:resnet18", False),
        ("efficientnet_lite0", False),
    ],
)
def test_backbones_say_whether_they_need_whole_patches(name, whole):
    assert untrained(name).needs_whole_patches == whole


def test_whole_patches_are_asked_for_by_what_the_backbone_says():
    class Patches(Backbone):
        needs_whole_patches = True

        def block_features(self, images, numbers):
            return [(self.network(images), None)]

    record = WeightsRecord("patches", "test", None, "none")
    network = torch.nn.Conv2d(3, 4, 8, 8)
    backbone = Patches(network, stride=8, dim=4, mean=(0.5,) * 3, std=(0.2,) * 3, record=record)
    assert backbone.features(torch.zeros(1, 3, 16, 24)).patches.shape == (1, 1, 4, 2, 3)
    with pytest.raises(InputError, match="sides multiples of 8"):
        backbone.features(torch.zeros(1, 3, 16, 20))


def test_cnns_take_any_sides():
    lite = untrained("efficientnet_lite0")
    assert lite.features(torch.zeros(1, 3, 37, 50)).patches.shape == (1, 1, 152, 5, 7)
