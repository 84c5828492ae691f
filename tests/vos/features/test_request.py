"""Which features are asked for, and where to."""

from pathlib import Path

import pytest

from tests.data.feature_frames import FRAME
from vos.errors import InputError
from vos.features.request import FeatureRequest, check_target


def test_a_square_has_the_same_size_for_all_frames(backbone):
    request = FeatureRequest(square=32)
    assert request.network_input(backbone, FRAME).shape == (1, 3, 32, 32)
    assert request.network_input(backbone, FRAME[:, :70]).shape == (1, 3, 32, 32)


@pytest.mark.parametrize("sides", [{"short_side": -1}, {"square": -1}, {"size_multiple": 0}])
def test_sizes_out_of_range_are_refused(sides):
    with pytest.raises(InputError, match="sides of 0 or more"):
        FeatureRequest(**sides)


def test_the_endings_of_targets():
    for name in ("a.npz", "a.safetensors", "a"):
        check_target(Path(name))
    with pytest.raises(InputError, match=r"FILE\.npz"):
        check_target(Path("a.pt"))
