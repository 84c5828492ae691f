"""Parameter groups, clipping, LARS by hand."""

import pytest
import torch
from torch import nn

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.models.student_teacher import (
    build_networks,
)
from pretrain.training.optimizers import LARS, build_optimizer, clip_each, parameter_groups
from tests.pretrain.models.test_student_teacher import TINY


def test_biases_and_one_dimensional_parameters_are_not_decayed():
    network = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    decayed, plain = parameter_groups(network)
    assert [p.shape for p in decayed["params"]] == [(2, 2)]
    assert len(plain["params"]) == 3 and plain["weight_decay"] == 0.0


def test_class_token_and_position_embeddings_are_decayed():
    student, _ = build_networks(PretrainConfig(**TINY))
    decayed = {id(p) for p in parameter_groups(student)[0]["params"]}
    assert {id(student.backbone.cls_token), id(student.backbone.pos_embed)} <= decayed


def test_each_gradient_is_clipped_by_its_own_norm():
    long, short = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    long.grad, short.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.3, 0.4])
    norms = clip_each([long, short], 1.0)
    torch.testing.assert_close(norms, torch.tensor([5.0, 0.5]))
    torch.testing.assert_close(long.grad, torch.tensor([0.6, 0.8]), rtol=1e-5, atol=0)
    torch.testing.assert_close(short.grad, torch.tensor([0.3, 0.4]))


def test_clip_of_0_leaves_gradients():
    p = nn.Parameter(torch.zeros(1))
    p.grad = torch.tensor([100.0])
    clip_each([p], 0.0)
    assert p.grad.item() == 100.0


def test_lars_step_by_hand():
    weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))
    bias = nn.Parameter(torch.tensor([1.0]))
    weight.grad, bias.grad = torch.tensor([[0.0, 2.0]]), torch.tensor([2.0])
    optimizer = LARS([weight, bias], lr=0.5, weight_decay=0.1, momentum=0.9, trust=0.001)
    step = torch.tensor([[0.3, 2.4]])
    scaled = 0.001 * 5.0 / step.norm() * step
    optimizer.step()
    torch.testing.assert_close(weight.data, torch.tensor([[3.0, 4.0]]) - 0.5 * scaled)
    assert bias.item() == 0.0
    bias.grad = torch.tensor([0.0])
    optimizer.step()
    assert bias.item() == pytest.approx(-0.5 * 0.9 * 2.0)


@pytest.mark.parametrize(
    ("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD), ("lars", LARS)]
)
def test_optimizers_by_name(name, kind):
    assert type(build_optimizer(name, parameter_groups(nn.Linear(2, 2)))) is kind
