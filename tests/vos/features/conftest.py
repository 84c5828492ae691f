"""Fixtures that the tests of this wing share."""

import pytest

from vos.backbones.loading import load_backbone


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("dino_vits16", untrained=True, device="cpu", precision="fp32")
