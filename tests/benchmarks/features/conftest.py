import pytest

from tests.data.images import save_weights
from vos.backbones.loading import load_backbone


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    weights = save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")
    return load_backbone(weights=weights, precision="fp32", device="cpu")
