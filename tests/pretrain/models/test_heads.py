"""Heads: names, gains, and batch normalisation over processes."""

import torch
import torch.distributed as dist
from torch import nn

from pretrain.models.heads import DINOHead, ProjectionHead, SyncedBatchNorm1d, WeightNormLinear


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


def test_projection_head_has_no_last_layer():
    head = ProjectionHead(8, hidden_dim=6, bottleneck_dim=5, layers=2, use_bn=True, predictor=True)
    assert head(torch.randn(3, 8)).shape == (3, 5)
    assert not any("last_layer" in name for name in head.state_dict())
