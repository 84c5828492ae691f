"""Weights of pairs, entropy, and gradients of every objective."""

import math

import pytest
import torch

from pretrain.losses.byol import BYOLLoss
from pretrain.losses.dino import DINOLoss
from pretrain.losses.moco import MoCoLoss
from pretrain.losses.objective import entropy, pair_weights
from pretrain.losses.swav import SwAVLoss
from tests.pretrain.losses.arrays import numbers


def test_same_view_pairs_do_not_count():
    weights = pair_weights(2, 4, torch.device("cpu"))
    assert weights[0, 0] == weights[1, 1] == 0
    torch.testing.assert_close(weights[0, 1:], torch.full((3,), 1 / 6))


def test_entropy_of_uniform_and_of_certain():
    uniform = torch.full((2, 4), 0.25)
    assert entropy(uniform, uniform.log()).item() == pytest.approx(math.log(4))
    certain = torch.tensor([[1.0, 0.0]])
    assert entropy(certain, certain.log()).item() == 0.0


@pytest.mark.parametrize(
    "loss",
    [DINOLoss(6, [0.1]), BYOLLoss(), MoCoLoss(6, 8), SwAVLoss()],
    ids=lambda loss: type(loss).__name__,
)
def test_gradient_reaches_the_student(loss):
    student = numbers(3, 4, 6).requires_grad_()
    loss(student, loss.targets(numbers(2, 4, 6, seed=1), 0)).loss.backward()
    assert student.grad.abs().sum() > 0
