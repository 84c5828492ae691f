import numpy as np
import pytest

from benchmarks.features.transforms import transform_for


def test_longer_side_view_keeps_the_aspect(backbone):
    transform = transform_for(backbone, "inside", 32)
    assert transform(np.zeros((100, 50, 3), np.uint8)).shape == (3, 32, 16)
    assert transform(np.zeros((20, 10, 3), np.uint8)).shape == (3, 20, 10)
    crop = transform_for(backbone, "crop", 224)
    assert crop.std == (0.229, 0.224, 0.225)
    assert crop(np.full((50, 90, 3), 255, np.uint8))[0].unique().item() == pytest.approx(
        (1 - 0.485) / 0.229
    )
