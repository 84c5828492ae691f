"""Student and teacher: shapes, backbones, and what moves."""

import pytest
import torch
from torch import nn

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.models.student_teacher import (
    _check_any_size,
    build_backbone,
    build_networks,
    copy_weights,
    ema_update,
)
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
