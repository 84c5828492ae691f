"""Fixtures that the tests of this wing share."""

import pytest

from tests.data.scenes import CONFIG, Colours
from vos.propagation.propagator import LabelPropagator


@pytest.fixture(scope="module")
def backbone():
    return Colours()


@pytest.fixture
def tracker(backbone):
    return LabelPropagator(backbone, CONFIG)
