"""Sinkhorn-Knopp against its definition."""

import numpy as np
import torch

from pretrain.losses.sinkhorn import sinkhorn_knopp
from tests.pretrain.losses.arrays import numbers


def test_sinkhorn_spreads_samples_evenly():
    plan = sinkhorn_knopp(numbers(12, 4) * 3, iterations=50)
    torch.testing.assert_close(plan.sum(1), torch.ones(12))
    torch.testing.assert_close(plan.sum(0), torch.full((4,), 3.0), rtol=1e-3, atol=0)


def test_one_round_of_sinkhorn_by_hand():
    scores = torch.log(torch.tensor([[1.0, 3.0], [1.0, 1.0]]))
    columns = np.array([[1 / 2, 3 / 4], [1 / 2, 1 / 4]])
    expected = columns / columns.sum(1, keepdims=True)
    np.testing.assert_allclose(sinkhorn_knopp(scores, 1).numpy(), expected, rtol=1e-5)
