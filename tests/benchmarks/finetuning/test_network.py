import pytest
import torch
from timm.layers import DropPath

from benchmarks.finetuning.network import optimizer_and_schedule, trainable
from benchmarks.finetuning.recipe import Recipe
from vos.backbones.loading import load_backbone


def network(place, **recipe):
    backbone = load_backbone(weights=place / "vit.pth", device="cpu", precision="fp32")
    return trainable(backbone, 3, Recipe(**recipe))


def test_network_has_a_classifier_and_drop_path(place):
    model = network(place)
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 3)
    assert all(p.requires_grad for p in model.parameters())
    rates = [b.drop_path1.drop_prob if isinstance(b.drop_path1, DropPath) else 0
             for b in model.blocks]  # fmt: skip
    assert rates == pytest.approx([0, 0.1 / 3, 0.2 / 3, 0.1])
    assert model.head.weight.abs().max() < 0.2
    assert not model.head.bias.any()
    assert 0 < network(place, head_std=2e-5).head.weight.abs().max() < 2e-4


def test_learning_rate_and_decay_by_group(place):
    recipe = Recipe(epochs=10, train_batch=1024, warmup_epochs=5, layer_decay=0.5)
    optimizer, schedule = optimizer_and_schedule(network(place), recipe)
    head = max(g["lr_scale"] for g in optimizer.param_groups)
    stem = min(g["lr_scale"] for g in optimizer.param_groups)
    assert (head, stem) == (1, 0.5**5)  # embedding, four blocks, head
    by_size = {p.ndim: g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert by_size[1] == 0
    assert by_size[2] == 0.05
    schedule.step(5)
    top = max(g["lr"] for g in optimizer.param_groups)
    # cosine of 10 epochs at the fifth, half way between 1e-3 (batch 1024) and 1e-5
    assert top == pytest.approx((1e-3 + 1e-5) / 2, rel=1e-6)
    schedule.step(0)
    assert max(g["lr"] for g in optimizer.param_groups) == pytest.approx(1e-6)
