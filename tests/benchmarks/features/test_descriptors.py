import pytest
import torch

from benchmarks.features.descriptors import describe_images, gem
from tests.data.clips import Colours
from tests.data.images import save_weights
from vos.backbones.efficientnet_lite0 import EfficientNetLite0
from vos.backbones.loading import load_backbone
from vos.errors import InputError


def test_kinds_of_a_vit(backbone):
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 48)
    blocks = backbone.network.layers(images, 4)
    expected = {
        "class": blocks[-1][:, 0],
        "class_last_4": torch.cat([b[:, 0] for b in blocks], 1),
        "class_mean": torch.cat([blocks[-1][:, 0], blocks[-1][:, 1:].mean(1)], 1),
        "class_gem": torch.cat([blocks[-1][:, 0], gem(blocks[-1][:, 1:])], 1),
    }
    for kind, value in expected.items():
        torch.testing.assert_close(describe_images(backbone, images, kind), value)


def test_vit_of_timm_gives_the_same_kinds(backbone):
    wrapped = load_backbone("timm:vit_tiny_patch16_224", untrained=True, precision="fp32")
    torch.manual_seed(0)
    images = torch.randn(2, 3, 224, 224)
    tokens = wrapped.network.forward_features(images)
    torch.testing.assert_close(describe_images(wrapped, images, "class"), tokens[:, 0])
    torch.testing.assert_close(
        describe_images(wrapped, images, "class_gem"),
        torch.cat([tokens[:, 0], gem(tokens[:, 1:])], 1),
    )
    four = describe_images(wrapped, images, "class_last_4")
    assert four.shape == (2, 4 * 192)
    torch.testing.assert_close(four[:, -192:], tokens[:, 0])


def test_cnn_gives_pooled_features():
    lite = EfficientNetLite0(untrained=True)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = lite.network.forward_features(images).mean((2, 3))
    torch.testing.assert_close(describe_images(lite, images, "class"), expected)
    both = describe_images(lite, images, "class_gem")
    assert both.shape == (2, 2 * 1280)
    torch.testing.assert_close(both[:, :1280], expected)


def test_too_few_blocks(tmp_path):
    shallow = load_backbone(weights=save_weights(tmp_path / "vit.pth", depth=2), precision="fp32")
    with pytest.raises(InputError, match="2 blocks"):
        describe_images(shallow, torch.zeros(1, 3, 32, 32), "class_last_4")


def test_image_without_a_patch(backbone):
    with pytest.raises(InputError, match="40 x 10 pixels"):
        describe_images(backbone, torch.zeros(1, 3, 10, 40), "class")


def test_gem_by_hand():
    # (1^4 + 2^4) / 2 = 8.5; the negative value counts as 1e-6: (0 + 3^4) / 2 = 40.5
    patches = torch.tensor([[[1.0, -5.0], [2.0, 3.0]]])
    torch.testing.assert_close(gem(patches), torch.tensor([[8.5**0.25, 40.5**0.25]]))


@pytest.mark.parametrize("kind", ["class", "class_last_4", "class_mean", "class_gem"])
def test_a_module_that_gives_maps_alone_is_averaged(kind):
    backbone = Colours()
    images = torch.rand(2, 3, 64, 48)
    patches = backbone(images).flatten(2).transpose(1, 2)  # (B, N, D)
    expected = patches.mean(1)
    if kind == "class_gem":
        expected = torch.cat([expected, gem(patches)], dim=1)
    torch.testing.assert_close(describe_images(backbone, images, kind), expected)
