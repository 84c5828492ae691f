import numpy as np
import pytest
import torch

from benchmarks.retrieval.whitening import learn_whitening
from vos.errors import InputError


def test_whitening_by_hand():
    # Uncentred covariance of (2, 0) and (0, 1) is diag(2, 1/2); the mean is (1, 1/2).
    whitening = learn_whitening(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    torch.testing.assert_close(whitening.mean, torch.tensor([1.0, 0.5]))
    white = whitening(torch.tensor([[3.0, 1.5]])).abs()  # (2, 1) / sqrt(2, 1/2)
    torch.testing.assert_close(white, torch.tensor([[2**0.5, 2**0.5]]))


def test_whitening_floors_small_directions():
    features = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])  # nothing along the second axis
    white = learn_whitening(features)(torch.tensor([[0.0, 1.0]])).abs()
    torch.testing.assert_close(white.max(), torch.tensor(1e-5**-0.5))


@pytest.mark.parametrize("bad", [torch.zeros(3, 2), torch.empty(0, 2), torch.full((2, 2), np.nan)])
def test_whitening_of_nothing(bad):
    with pytest.raises(InputError, match="cannot be learnt"):
        learn_whitening(bad)
