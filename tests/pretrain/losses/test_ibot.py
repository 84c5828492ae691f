"""iBOT's loss against its formula, written out."""

import math

import pytest
import torch

from pretrain.losses.ibot import IBOTLoss, patch_weights
from pretrain.losses.sinkhorn import sinkhorn_knopp

K = 5


def softmax(row):
    powers = [math.exp(v - max(row)) for v in row]
    return [p / sum(powers) for p in powers]


def written_out(student, teacher, masked, center, temps):
    """Zhou et al. 2022, equation 2: the mean over crops of the mean over a crop's masked patches.

    Args:
        student, teacher: (N, P, K) of all patches of N crops.
        masked: (N, P) bool.
        center: (K,).
        temps: of student and teacher.
    """
    total = 0.0
    for crop in range(len(masked)):
        terms = []
        for patch in range(masked.shape[1]):
            if masked[crop, patch]:
                q = softmax(
                    [
                        (t - c) / temps[1]
                        for t, c in zip(teacher[crop, patch].tolist(), center, strict=True)
                    ]
                )
                p = softmax([s / temps[0] for s in student[crop, patch].tolist()])
                terms.append(-sum(a * math.log(b) for a, b in zip(q, p, strict=True)))
        total += sum(terms) / len(terms) if terms else 0.0
    return total / len(masked)


def given(seed=0):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = (torch.randn(4, 6, K, generator=generator) for _ in range(2))
    masked = torch.rand(4, 6, generator=generator) < 0.4
    masked[2] = False  # a crop that is seen whole
    return student, teacher, masked


def test_it_is_the_formula():
    student, teacher, masked = given()
    center = [0.3, -0.2, 0.1, 0.0, 0.5]
    loss = IBOTLoss(K, [0.04, 0.07], student_temp=0.1)
    loss.center.copy_(torch.tensor([center]))
    weights = patch_weights(masked.view(4, 2, 3))
    result = loss(student[masked], loss.targets(teacher[masked], 1), weights)
    expected = written_out(student, teacher, masked, center, (0.1, 0.07))
    assert result.item() == pytest.approx(expected, rel=1e-5)


def test_its_gradient_is_that_of_the_formula():
    student, teacher, masked = given(1)
    masked[0, 0] = True
    loss = IBOTLoss(K, [0.5], student_temp=0.5)
    values = student[masked].requires_grad_()
    weights = patch_weights(masked.view(4, 2, 3))
    loss(values, loss.targets(teacher[masked], 0), weights).backward()
    ends = []
    for step in (1e-3, -1e-3):
        moved = student.double().clone()
        moved[0, 0, 1] += step
        ends.append(written_out(moved, teacher, masked, [0.0] * K, (0.5, 0.5)))
    assert values.grad[0, 1].item() == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=1e-3)


def test_its_center_is_that_of_the_masked_patches():
    _, teacher, masked = given()
    loss = IBOTLoss(K, [0.04], center_momentum=0.9)
    loss.update(teacher[masked])
    torch.testing.assert_close(loss.center[0], 0.1 * teacher[masked].mean(dim=0))
    before = loss.center.clone()
    loss.update(teacher[:0, 0])  # nothing was masked
    torch.testing.assert_close(loss.center, before)


def test_sinkhorn_targets_are_those_of_all_masked_patches():
    _, teacher, masked = given()
    loss = IBOTLoss(K, [0.1], method="sinkhorn")
    targets = loss.targets(teacher[masked], 0)
    assert torch.equal(targets, sinkhorn_knopp(teacher[masked] / 0.1, 3))
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(len(targets)))


@pytest.mark.parametrize("method", ["centering", "sinkhorn"])
def test_a_step_in_which_nothing_is_masked_has_no_loss(method):
    loss = IBOTLoss(K, [0.1], method=method)
    nothing = torch.zeros(0, K, requires_grad=True)
    weights = patch_weights(torch.zeros(4, 2, 3, dtype=torch.bool))
    result = loss(nothing, loss.targets(nothing.detach(), 0), weights)
    result.backward()
    assert result.item() == 0
