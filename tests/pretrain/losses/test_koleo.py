"""KoLeo against its formula, written out."""

import math

import pytest
import torch

from pretrain.losses.koleo import koleo_loss


def written_out(features):
    """-1/n sum_i log(min_j |x_i - x_j|) over vectors of length 1."""
    unit = [row / math.sqrt(sum(v * v for v in row)) for row in features.double()]
    total = 0.0
    for i, one in enumerate(unit):
        distances = [
            math.sqrt(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)))
            for j, other in enumerate(unit)
            if j != i
        ]
        total -= math.log(min(distances))
    return total / len(unit)


@pytest.mark.parametrize(("batch", "width"), [(2, 3), (7, 5), (16, 8)])
def test_it_is_the_formula(batch, width):
    features = torch.randn(batch, width, generator=torch.Generator().manual_seed(batch))
    assert koleo_loss(features).item() == pytest.approx(written_out(features), rel=1e-5)
    assert koleo_loss(3 * features).item() == pytest.approx(koleo_loss(features).item(), rel=1e-5)


def test_its_gradient_is_that_of_the_formula():
    features = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    koleo_loss(features).backward()
    step = 1e-3
    for place in ((0, 0), (3, 2), (5, 3)):
        ends = []
        for sign in (1, -1):
            moved = features.detach().clone()
            moved[place] += sign * step
            ends.append(written_out(moved))
        slope = (ends[0] - ends[1]) / (2 * step)
        assert features.grad[place].item() == pytest.approx(slope, rel=1e-2, abs=1e-3)


def test_equal_features_give_a_finite_loss_and_gradient():
    features = torch.ones(4, 3, requires_grad=True)
    loss = koleo_loss(features)
    loss.backward()
    assert loss.isfinite() and features.grad.isfinite().all()


def test_it_computes_in_float32_under_autocast():
    features = torch.randn(8, 16, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(koleo_loss(features), koleo_loss(features.clone()))
        assert koleo_loss(features).item() == pytest.approx(written_out(features), rel=1e-5)
