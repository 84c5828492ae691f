"""Features of a frame by request."""

import numpy as np

from tests.data.feature_frames import FRAME
from vos.features.extraction import frame_arrays
from vos.features.request import FeatureRequest


def test_several_layers_are_stacked_and_one_is_not(backbone):
    one = frame_arrays(backbone, FRAME, FeatureRequest(class_token=True, short_side=0))
    assert (one["patches"].shape, one["class_token"].shape) == ((384, 4, 6), (384,))
    request = FeatureRequest(layers=(0, -1), class_token=True, short_side=0, half=True)
    two = frame_arrays(backbone, FRAME, request)
    assert (two["patches"].shape, two["class_token"].shape) == ((2, 384, 4, 6), (2, 384))
    assert two["patches"].dtype == np.float16
    np.testing.assert_array_equal(two["patches"][1], one["patches"].astype(np.float16))
