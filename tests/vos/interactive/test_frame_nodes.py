import numpy as np
import pytest

from vos.interactive.frame_nodes import FrameNodes
from vos.interactive.settings import ClickSettings

SETTINGS = ClickSettings(short_nodes=12)


@pytest.fixture
def halves():
    image = np.zeros((96, 160, 3), np.uint8)
    image[:, 80:] = (200, 40, 40)
    features = np.zeros((5, 12, 20), np.float32)
    features[0, :, :10], features[1, :, 10:] = 1, 1
    return FrameNodes(image, features, SETTINGS)


def test_values_have_a_mean_squared_distance_of_one(halves):
    assert halves.shape == (12, 20)
    values = halves.values.astype(np.float64)
    distances = ((values[:, None] - values) ** 2).sum(-1)
    assert distances.mean() == pytest.approx(1, abs=1e-3)


def test_edges_are_weak_where_the_picture_changes(halves):
    laplacian = halves.laplacian.toarray()
    np.testing.assert_allclose(laplacian, laplacian.T)
    np.testing.assert_allclose(laplacian.sum(1), 0, atol=1e-9)
    left, middle = 5 * 20 + 4, 5 * 20 + 9
    assert -laplacian[left, left + 1] > 0.9
    assert -laplacian[middle, middle + 1] == pytest.approx(SETTINGS.least_edge, rel=0.1)


def test_pixels_lie_in_their_nodes(halves):
    rows, columns = np.array([0, 95, 47]), np.array([0, 159, 8])
    assert halves.of_pixels(rows, columns).tolist() == [0, 239, 101]
    mask = np.zeros((96, 160), bool)
    mask[:8, :4] = True
    shares = halves.shares(mask)
    assert shares[0] == pytest.approx(0.5) and shares[1:].max() == 0


def test_a_frame_of_one_colour_and_one_feature_is_taken():
    image = np.full((60, 60, 3), 90, np.uint8)
    nodes = FrameNodes(image, np.ones((4, 7, 7), np.float32), SETTINGS)
    assert not nodes.values.any()
    assert np.isfinite(nodes.laplacian.toarray()).all()
