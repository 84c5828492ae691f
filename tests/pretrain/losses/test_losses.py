"""The DINO loss, its variants, and the other objectives, against their formulas."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pretrain.losses.byol import BYOLLoss
from pretrain.losses.dino import DINOLoss
from pretrain.losses.moco import MoCoLoss
from pretrain.losses.objective import entropy, pair_weights
from pretrain.losses.sinkhorn import sinkhorn_knopp
from pretrain.losses.swav import SwAVLoss


def numbers(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


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


def test_same_view_pairs_do_not_count():
    weights = pair_weights(2, 4, torch.device("cpu"))
    assert weights[0, 0] == weights[1, 1] == 0
    torch.testing.assert_close(weights[0, 1:], torch.full((3,), 1 / 6))


def test_kl_is_cross_entropy_less_the_teachers_entropy():
    loss = DINOLoss(8, [0.1])
    parts = loss(numbers(4, 3, 8), loss.targets(numbers(2, 3, 8, seed=1), 0)).parts
    assert parts["kl"].item() == pytest.approx(
        parts["cross_entropy"].item() - parts["teacher_entropy"].item(), rel=1e-5
    )
    assert parts["kl"] > 0


def test_entropy_of_uniform_and_of_certain():
    uniform = torch.full((2, 4), 0.25)
    assert entropy(uniform, uniform.log()).item() == pytest.approx(math.log(4))
    certain = torch.tensor([[1.0, 0.0]])
    assert entropy(certain, certain.log()).item() == 0.0


def test_mse_is_the_squared_distance_of_the_distributions():
    loss = DINOLoss(2, [1.0], student_temp=1.0, comparison="mse")
    teacher, student = numbers(2, 1, 2), numbers(2, 1, 2, seed=1)
    t, s = teacher.softmax(-1), student.softmax(-1)
    expected = ((t[0] - s[1]).square().sum() + (t[1] - s[0]).square().sum()) / 2
    torch.testing.assert_close(loss(student, loss.targets(teacher, 0)).loss, expected)


def test_sinkhorn_spreads_samples_evenly():
    plan = sinkhorn_knopp(numbers(12, 4) * 3, iterations=50)
    torch.testing.assert_close(plan.sum(1), torch.ones(12))
    torch.testing.assert_close(plan.sum(0), torch.full((4,), 3.0), rtol=1e-3, atol=0)


def test_one_round_of_sinkhorn_by_hand():
    scores = torch.log(torch.tensor([[1.0, 3.0], [1.0, 1.0]]))
    columns = np.array([[1 / 2, 3 / 4], [1 / 2, 1 / 4]])
    expected = columns / columns.sum(1, keepdims=True)
    np.testing.assert_allclose(sinkhorn_knopp(scores, 1).numpy(), expected, rtol=1e-5)


def test_sinkhorn_targets_need_no_center():
    loss = DINOLoss(4, [0.1], method="sinkhorn", sinkhorn_iterations=3)
    loss.center.fill_(5.0)
    teacher = numbers(2, 6, 4)
    flat = sinkhorn_knopp(teacher.flatten(0, 1) / 0.1, 3)
    torch.testing.assert_close(loss.targets(teacher, 0), flat.view(2, 6, 4))


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


def test_moco_is_infonce_against_the_queue():
    loss = MoCoLoss(3, queue_size=4, temperature=0.5)
    teacher, student = numbers(2, 1, 3), numbers(2, 1, 3, seed=1)
    q, k = F.normalize(student[0, 0], dim=0), F.normalize(teacher[1, 0], dim=0)
    logits = torch.cat([(q @ k)[None], loss.queue @ q]) / 0.5
    one = F.cross_entropy(logits[None], torch.tensor([0]))
    q, k = F.normalize(student[1, 0], dim=0), F.normalize(teacher[0, 0], dim=0)
    logits = torch.cat([(q @ k)[None], loss.queue @ q]) / 0.5
    other = F.cross_entropy(logits[None], torch.tensor([0]))
    torch.testing.assert_close(loss(student, loss.targets(teacher, 0)).loss, (one + other) / 2)


def test_moco_replaces_the_oldest_keys():
    loss = MoCoLoss(3, queue_size=6)
    keys = [F.normalize(numbers(2, 2, 3, seed=s), dim=-1).flatten(0, 1) for s in (1, 2)]
    for key in keys:
        loss.update(key.view(2, 2, 3))
    torch.testing.assert_close(loss.queue[4:], keys[1][:2])
    torch.testing.assert_close(loss.queue[:2], keys[1][2:])
    torch.testing.assert_close(loss.queue[2:4], keys[0][2:])
    assert loss.queue_position.item() == 2


def test_moco_keeps_the_newest_of_a_batch_larger_than_the_queue():
    loss = MoCoLoss(3, queue_size=3)
    keys = F.normalize(numbers(2, 4, 3), dim=-1)
    loss.update(keys)
    torch.testing.assert_close(loss.queue, keys[1, 1:])


def test_swav_predicts_the_other_views_code():
    loss = SwAVLoss(temperature=0.1, epsilon=0.05, iterations=3)
    teacher, student = numbers(2, 6, 4) * 0.1, numbers(3, 6, 4, seed=1) * 0.1
    codes = [sinkhorn_knopp(view / 0.05, 3) for view in teacher]
    log_p = [F.log_softmax(view / 0.1, dim=-1) for view in student]
    pairs = [(0, 1), (0, 2), (1, 0), (1, 2)]
    expected = torch.stack([-(codes[g] * log_p[v]).sum(-1).mean() for g, v in pairs]).mean()
    torch.testing.assert_close(loss(student, loss.targets(teacher, 0)).loss, expected)


@pytest.mark.parametrize(
    "loss",
    [DINOLoss(6, [0.1]), BYOLLoss(), MoCoLoss(6, 8), SwAVLoss()],
    ids=lambda loss: type(loss).__name__,
)
def test_gradient_reaches_the_student(loss):
    student = numbers(3, 4, 6).requires_grad_()
    loss(student, loss.targets(numbers(2, 4, 6, seed=1), 0)).loss.backward()
    assert student.grad.abs().sum() > 0
