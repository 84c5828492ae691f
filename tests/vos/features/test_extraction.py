"""Features of a frame by request."""

from pathlib import Path

import numpy as np
import pytest

from vos.backbones.loading import load_backbone
from vos.errors import InputError
from vos.features.extraction import frame_arrays
from vos.features.request import FeatureRequest, check_target

FRAME = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("dino_vits16", untrained=True, device="cpu", precision="fp32")


def test_several_layers_are_stacked_and_one_is_not(backbone):
    one = frame_arrays(backbone, FRAME, FeatureRequest(class_token=True, short_side=0))
    assert (one["patches"].shape, one["class_token"].shape) == ((384, 4, 6), (384,))
    request = FeatureRequest(layers=(0, -1), class_token=True, short_side=0, half=True)
    two = frame_arrays(backbone, FRAME, request)
    assert (two["patches"].shape, two["class_token"].shape) == ((2, 384, 4, 6), (2, 384))
    assert two["patches"].dtype == np.float16
    np.testing.assert_array_equal(two["patches"][1], one["patches"].astype(np.float16))


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
