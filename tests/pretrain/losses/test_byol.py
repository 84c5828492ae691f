"""BYOL's objective against its formula."""

import pytest
import torch
from torch.nn import functional as F

from pretrain.losses.byol import BYOLLoss
from tests.pretrain.losses.arrays import numbers


def test_byol_is_the_sum_of_both_directions():
    loss = BYOLLoss()
    teacher, student = numbers(2, 5, 7), numbers(2, 5, 7, seed=1)
    first = 2 - 2 * F.cosine_similarity(student[0], teacher[1]).mean()
    second = 2 - 2 * F.cosine_similarity(student[1], teacher[0]).mean()
    torch.testing.assert_close(loss(student, loss.targets(teacher, 0)).loss, first + second)


def test_byol_is_0_for_equal_directions():
    loss = BYOLLoss()
    views = numbers(1, 5, 7).expand(2, 5, 7)
    assert loss(views * 3, loss.targets(views, 0)).loss.item() == pytest.approx(0, abs=1e-5)
