"""Fixtures that the tests of this wing share."""

import pytest

from tests.data.backbones import untrained


@pytest.fixture(scope="module")
def vits16():
    return untrained("dino_vits16")
