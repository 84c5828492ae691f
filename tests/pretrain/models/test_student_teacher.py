"""Heads, networks, optimisers: shapes, names, and what moves."""

import pytest
import torch
import torch.distributed as dist
from torch import nn

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.models.heads import DINOHead, ProjectionHead, SyncedBatchNorm1d, WeightNormLinear
from pretrain.models.student_teacher import (
    _check_any_size,
    build_backbone,
    build_networks,
    copy_weights,
    ema_update,
)
from pretrain.training.optimizers import LARS, build_optimizer, clip_each, parameter_groups
from vos.errors import InputError

TINY = {
    "arch": "vit_tiny",
    "out_dim": 16,
    "head_hidden_dim": 8,
    "head_bottleneck_dim": 4,
    "global_crops_size": 32,
    "local_crops_size": 16,
    "local_crops_number": 1,
}


def test_head_keys_are_the_published_ones():
    head = DINOHead(8, 16, hidden_dim=8, bottleneck_dim=4)
    assert list(head.state_dict()) == [
        *(f"mlp.{i}.{kind}" for i in (0, 2, 4) for kind in ("weight", "bias")),
        "last_layer.weight_g",
        "last_layer.weight_v",
    ]


def test_last_layer_is_gain_times_direction():
    layer = WeightNormLinear(3, 2, train_gain=True)
    with torch.no_grad():
        layer.weight_g.copy_(torch.tensor([[2.0], [0.5]]))
        layer.weight_v.copy_(torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 7.0]]))
    out = layer(torch.tensor([[1.0, 1.0, 1.0]]))
    torch.testing.assert_close(out, torch.tensor([[2 * 7 / 5, 0.5]]))


def test_gain_is_held_when_the_last_layer_is_normalised():
    assert not DINOHead(8, 16, norm_last_layer=True).last_layer.weight_g.requires_grad
    assert DINOHead(8, 16, norm_last_layer=False).last_layer.weight_g.requires_grad


def test_outputs_are_cosines_when_the_gain_is_1():
    out = DINOHead(8, 16, hidden_dim=8, bottleneck_dim=4)(torch.randn(5, 8))
    assert out.shape == (5, 16) and out.abs().max() <= 1 + 1e-5


def test_batch_norm_of_one_process_is_pytorchs():
    ours, theirs = SyncedBatchNorm1d(4), nn.BatchNorm1d(4)
    x = torch.randn(6, 4)
    torch.testing.assert_close(ours(x), theirs(x))


def test_batch_norm_over_processes_sums_in_float32(monkeypatch):
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "all_reduce", lambda values: values.mul_(2))  # two equal halves
    features = (20 + 0.5 * torch.randn(64, 4)).bfloat16()
    theirs = nn.BatchNorm1d(4)
    found = SyncedBatchNorm1d(4)(features)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, theirs(features.float()).bfloat16(), rtol=0.02, atol=0.02)


def test_predictor_is_the_students_alone():
    student, teacher = build_networks(PretrainConfig(**TINY, predictor=True))
    assert any("predictor" in name for name in student.state_dict())
    assert not any("predictor" in name for name in teacher.state_dict())
    copy_weights(student, teacher)


def test_teacher_starts_as_a_copy_without_gradient():
    student, teacher = build_networks(PretrainConfig(**TINY))
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, student.state_dict()[name])
    assert not any(p.requires_grad for p in teacher.parameters())
    assert {type(b.drop_path1) for b in teacher.backbone.blocks} == {nn.Identity}


def test_crops_of_one_size_share_a_pass(monkeypatch):
    network, _ = build_networks(PretrainConfig(**TINY, drop_path_rate=0.0))
    seen = []
    run = network.backbone.forward
    monkeypatch.setattr(network.backbone, "forward", lambda x: seen.append(x.shape) or run(x))
    crops = [torch.randn(2, 3, s, s) for s in (32, 32, 16, 16, 16)]
    out = network(crops)
    assert seen == [(4, 3, 32, 32), (6, 3, 16, 16)]
    assert out.shape == (5, 2, 16)
    network.backbone.forward = run
    alone = network.head(network.backbone(crops[3]))
    torch.testing.assert_close(out[3], alone, rtol=1e-4, atol=1e-5)


def test_moving_average_by_hand():
    student, teacher = nn.Linear(1, 1), nn.Linear(1, 1)
    nn.init.constant_(student.weight, 1.0)
    nn.init.constant_(teacher.weight, 3.0)
    ema_update(student, teacher, 0.75)
    assert teacher.weight.item() == pytest.approx(0.75 * 3 + 0.25 * 1)


@pytest.mark.parametrize("arch", ["resnet50", "timm:resnet18", "timm:vit_tiny_patch16_224"])
def test_other_backbones_take_crops_of_both_sizes(arch):
    config = PretrainConfig(**{**TINY, "arch": arch, "drop_path_rate": 0.0})
    backbone, width = build_backbone(config, 0.0)
    assert backbone.eval()(torch.randn(1, 3, 32, 32)).shape == (1, width)
    assert backbone(torch.randn(1, 3, 16, 16)).shape == (1, width)


def test_unknown_and_unfit_timm_models_are_refused():
    with pytest.raises(InputError, match="resnet"):
        build_backbone(PretrainConfig(**{**TINY, "arch": "timm:resnet5000"}), 0.0)
    with pytest.raises(InputError, match="does not take images of"):
        build_backbone(PretrainConfig(**{**TINY, "arch": "timm:mixer_s32_224"}), 0.0)


def test_a_model_without_a_pooled_feature_is_refused():
    config = PretrainConfig(**{**TINY, "arch": "timm:resnet18"})
    with pytest.raises(InputError, match="no single pooled feature"):
        _check_any_size(config, "resnet18", nn.Identity())


def test_grey_images():
    backbone, _ = build_backbone(PretrainConfig(**TINY, in_chans=1), 0.0)
    assert backbone(torch.randn(1, 1, 32, 32)).shape == (1, 192)


def test_projection_head_has_no_last_layer():
    head = ProjectionHead(8, hidden_dim=6, bottleneck_dim=5, layers=2, use_bn=True, predictor=True)
    assert head(torch.randn(3, 8)).shape == (3, 5)
    assert not any("last_layer" in name for name in head.state_dict())


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
