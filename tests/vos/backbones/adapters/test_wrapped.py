"""Any module as a backbone: maps, tokens, timm's and Hugging Face's models."""

from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from torch import nn

import vos
from tests.data.backbones import frame
from vos.errors import InputError

STATISTICS = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.2)}


class Maps(nn.Module):
    """A map of means over blocks of pixels."""

    def __init__(self, stride=8, dim=6):
        super().__init__()
        self.patches = nn.Conv2d(3, dim, stride, stride)

    def forward(self, images):
        return self.patches(images)


class Tokens(Maps):
    """The same as tokens, after others of constant value."""

    def __init__(self, before=1, **options):
        super().__init__(**options)
        self.before = before

    def forward(self, images):
        patches = self.patches(images).flatten(2).transpose(1, 2)
        return torch.cat([torch.full_like(patches[:, : self.before], 7.0), patches], dim=1)


class HuggingFace(Tokens):
    """What a vision model of transformers takes and gives."""

    def __init__(self, registers=4, before=5):
        super().__init__(before)
        self.config = SimpleNamespace(hidden_size=6, num_register_tokens=registers)

    def forward(self, pixel_values, interpolate_pos_encoding=False):
        assert interpolate_pos_encoding
        tokens = super().forward(pixel_values)
        return SimpleNamespace(last_hidden_state=tokens, pooler_output=tokens[:, 0])


class Weightless(nn.Module):
    def forward(self, images):
        return nn.functional.avg_pool2d(images, 4)


def wrap(module, stride=8, **options):
    return vos.wrap_backbone(module, stride=stride, **{**STATISTICS, **options})


def test_maps_are_features():
    module = Maps().train()
    backbone = wrap(module, name="mine")
    assert (backbone.stride, backbone.dim, backbone.record.name) == (8, 6, "mine")
    assert not module.training
    assert not any(p.requires_grad for p in module.parameters())
    image = backbone.preprocess(frame(40, 64), short_side=0)
    assert torch.equal(backbone(image), module(image))
    plain = (torch.from_numpy(frame(40, 64)).permute(2, 0, 1) / 255.0)[None]
    by_hand = (plain - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / 0.2
    torch.testing.assert_close(image, by_hand)


@pytest.mark.parametrize(("class_token", "registers"), [(False, 0), (True, 0), (True, 4)])
def test_tokens_before_the_patches_are_dropped(class_token, registers):
    module = Tokens(class_token + registers)
    backbone = wrap(module, class_token=class_token, registers=registers)
    image = torch.randn(2, 3, 24, 40)
    assert torch.equal(backbone(image), module.patches(image))
    assert backbone.has_class_token == class_token
    if class_token:
        given = backbone.features(image, class_token=True)
        assert given.class_tokens.shape == (2, 1, 6)
        assert (given.class_tokens == 7).all()


@pytest.mark.parametrize(("registers", "before", "class_token"), [(4, 5, True), (0, 0, False)])
def test_a_hugging_face_model_says_its_registers(registers, before, class_token):
    module = HuggingFace(registers, before)
    backbone = wrap(module)
    image = torch.randn(1, 3, 24, 40)
    assert torch.equal(backbone(image), module.patches(image))
    assert backbone.has_class_token == class_token


def test_models_of_timm_are_taken_as_they_are():
    vit = timm.create_model("vit_tiny_patch16_224", num_classes=0, dynamic_img_size=True)
    backbone = wrap(vit, stride=16)
    assert (backbone.dim, backbone.depth, backbone.mean) == (192, 12, STATISTICS["mean"])
    image = torch.randn(1, 3, 48, 64)
    tokens = vit.forward_features(image)[:, 1:]
    expected = tokens.transpose(1, 2).unflatten(2, (3, 4))
    torch.testing.assert_close(backbone(image), expected)
    cnn = wrap(timm.create_model("resnet10t", num_classes=0), stride=8)
    assert (cnn.stride, cnn.dim) == (8, 128)
    with pytest.raises(InputError, match="no features of stride 12; the nearest finer ones have 8"):
        wrap(timm.create_model("resnet10t", num_classes=0), stride=12)
    with pytest.raises(InputError, match="dynamic_img_size=True"):
        wrap(timm.create_model("vit_tiny_patch16_224", num_classes=0), stride=16)


def test_a_module_without_weights_is_a_backbone(tmp_path):
    backbone = wrap(Weightless(), stride=4)
    assert backbone.dim == 3
    backbone.place(torch.device("cpu"), torch.bfloat16)
    assert backbone(torch.randn(1, 3, 8, 8)).dtype == torch.bfloat16
    assert backbone.describe()["device"] == "cpu"


def test_luminance_is_taken_where_one_mean_is_given():
    module = nn.Conv2d(1, 5, 8, 8)
    backbone = vos.wrap_backbone(module, stride=8, mean=[0.5], std=[0.2])
    assert backbone.channels == 1
    assert backbone(backbone.preprocess(frame(32, 32), short_side=0)).shape == (1, 5, 4, 4)


def test_statistics_may_be_tensors_of_any_shape():
    shaped = torch.tensor(STATISTICS["mean"]).view(3, 1, 1)
    backbone = vos.wrap_backbone(Maps(), stride=8, mean=shaped, std=np.array([0.2] * 3))
    assert backbone.mean == pytest.approx(STATISTICS["mean"])


@pytest.mark.parametrize(
    ("make", "options", "text"),
    [
        (lambda: "dino_vits8", {}, "takes a torch.nn.Module; got str"),
        (lambda: Maps, {}, "got type. A class or a function has to be called first"),
        (lambda: wrap(Maps()), {}, "is a backbone already"),
        (Maps, {"stride": 0}, "the stride is 0"),
        (Maps, {"stride": 16}, "its stride is 8, not 16"),
        (lambda: Tokens(0), {"stride": 16}, "that is a stride of 8"),
        (lambda: Tokens(1), {}, "1 more; give class_token=True, registers=0 or registers=1"),
        (lambda: Tokens(1), {"class_token": True, "registers": 2}, "give class_token=True, reg"),
        (lambda: Tokens(0), {"class_token": True}, "give class_token=False, registers=0"),
        (Maps, {"class_token": True}, "gives a map .* leave out class_token"),
        (Maps, {"registers": -1}, "registers are -1"),
        (Maps, {"mean": (123.7, 116.3, 103.5)}, "values in 0..255; divide them by 255"),
        (Maps, {"std": (0.2, 0.2)}, "mean has 3 values and std 2"),
        (Maps, {"std": (0.2, 0.0, 0.2)}, "the std above 0"),
        (Maps, {"mean": "imagenet"}, "expected three numbers each"),
        (lambda: nn.Sequential(Maps(), nn.Flatten(1), nn.LazyLinear(4)), {}, "pooled features"),
        (lambda: nn.Conv2d(4, 6, 8, 8), {}, "fails on images .2, 3, 96, 128.: RuntimeError"),
        (lambda: Changed(lambda x: x.permute(0, 2, 3, 1)), {}, "width comes last: permute it"),
        (lambda: Changed(lambda x: x.flatten(2)), {}, "width comes first: transpose it"),
        (lambda: Changed(lambda x: [x, x]), {}, "gives list of 2; expected one tensor"),
        (lambda: Changed(lambda x: x * torch.nan), {}, "features that are not finite"),
        (lambda: Changed(lambda x: x.long()), {}, "features of torch.int64"),
    ],
)
def test_what_cannot_be_is_named(make, options, text):
    with pytest.raises(InputError, match=text):
        wrap(make(), **options)


class Changed(Maps):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, images):
        return self.change(super().forward(images))


def test_a_subclass_needs_no_private_name(tmp_path):
    class Mine(vos.Backbone):
        def __init__(self, network):
            super().__init__(network, stride=8, dim=6, mean=(0.5,) * 3, std=(0.5,) * 3)

        def block_features(self, images, numbers):
            return [(self.network(images), None)]

    backbone = Mine(Maps())
    about = backbone.describe()
    assert (about["name"], about["source"], len(about["sha256"])) == ("Mine", "module", 64)
    assert "function" not in about
    tracker = vos.LabelPropagator(backbone, vos.PropagationConfig(short_side=0))
    prompt = np.zeros((64, 64), np.uint8)
    prompt[16:48, 16:48] = 3
    assert set(np.unique(tracker.step(frame(64, 64), prompt))) == {0, 3}


def test_the_record_knows_other_weights():
    torch.manual_seed(0)
    first, second = wrap(Maps()), wrap(Maps())
    assert first.record.name == "Maps"
    assert first.describe()["sha256"] != second.describe()["sha256"]
