"""The DINO loss and its variants against their formulas."""

import numpy as np
import pytest
import torch

from pretrain.losses.dino import DINOLoss
from pretrain.losses.sinkhorn import sinkhorn_knopp
from tests.pretrain.losses.arrays import numbers, softmax


def test_loss_of_one_image_by_hand():
    loss = DINOLoss(2, [0.5], student_temp=1.0)
    teacher = torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]]])
    student = torch.tensor([[[0.0, 1.0]], [[3.0, 0.0]], [[1.0, 1.0]]])
    t = [softmax(np.array([2.0, 0.0])), softmax(np.array([0.0, 4.0]))]
    s = [np.log(softmax(np.array(v))) for v in ([0.0, 1.0], [3.0, 0.0], [1.0, 1.0])]
    pairs = [(0, 1), (0, 2), (1, 0), (1, 2)]
    expected = np.mean([-(t[g] * s[v]).sum() for g, v in pairs])
    result = loss(student, loss.targets(teacher, 0))
    assert result.loss.item() == pytest.approx(expected, rel=1e-6)


def test_the_center_is_subtracted_and_follows_the_batch():
    loss = DINOLoss(2, [1.0], center_momentum=0.75)
    teacher = torch.tensor([[[4.0, 0.0], [0.0, 0.0]], [[4.0, 8.0], [0.0, 0.0]]])
    loss.update(teacher)
    torch.testing.assert_close(loss.center, torch.tensor([[0.25 * 2.0, 0.25 * 2.0]]))
    loss.center.copy_(torch.tensor([[4.0, 0.0]]))
    torch.testing.assert_close(loss.targets(teacher, 0)[0, 0], torch.tensor([0.5, 0.5]))


def test_the_temperature_of_the_epoch_is_used_and_the_last_one_stays():
    loss = DINOLoss(2, [1.0, 0.5])
    teacher = torch.tensor([[[1.0, 0.0]]])
    sharp = softmax(np.array([2.0, 0.0]))[0]
    assert loss.targets(teacher, 0)[0, 0, 0].item() == pytest.approx(softmax(np.array([1.0, 0]))[0])
    assert loss.targets(teacher, 1)[0, 0, 0].item() == pytest.approx(sharp)
    assert loss.targets(teacher, 7)[0, 0, 0].item() == pytest.approx(sharp)


def test_kl_is_cross_entropy_less_the_teachers_entropy():
    loss = DINOLoss(8, [0.1])
    parts = loss(numbers(4, 3, 8), loss.targets(numbers(2, 3, 8, seed=1), 0)).parts
    assert parts["kl"].item() == pytest.approx(
        parts["cross_entropy"].item() - parts["teacher_entropy"].item(), rel=1e-5
    )
    assert parts["kl"] > 0


def test_mse_is_the_squared_distance_of_the_distributions():
    loss = DINOLoss(2, [1.0], student_temp=1.0, comparison="mse")
    teacher, student = numbers(2, 1, 2), numbers(2, 1, 2, seed=1)
    t, s = teacher.softmax(-1), student.softmax(-1)
    expected = ((t[0] - s[1]).square().sum() + (t[1] - s[0]).square().sum()) / 2
    torch.testing.assert_close(loss(student, loss.targets(teacher, 0)).loss, expected)


def test_sinkhorn_targets_need_no_center():
    loss = DINOLoss(4, [0.1], method="sinkhorn", sinkhorn_iterations=3)
    loss.center.fill_(5.0)
    teacher = numbers(2, 6, 4)
    flat = sinkhorn_knopp(teacher.flatten(0, 1) / 0.1, 3)
    torch.testing.assert_close(loss.targets(teacher, 0), flat.view(2, 6, 4))
