"""Projection heads on the class token (M. Caron et al., ICCV 2021, section 3.2 and appendix C).

Shapes: N crops, D width of the backbone's feature, K outputs of the head.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

INIT_STD = 0.02


class WeightNormLinear(nn.Module):
    """A linear layer without bias whose rows are gain times direction.

    The parameters are stored as `weight_g` (K, 1) and `weight_v` (K, D), the names of published
    checkpoints.
    """

    def __init__(self, in_dim: int, out_dim: int, train_gain: bool) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(out_dim, 1), requires_grad=train_gain)
        self.weight_v = nn.Parameter(torch.empty(out_dim, in_dim))
        bound = in_dim**-0.5
        nn.init.uniform_(self.weight_v, -bound, bound)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, D) to (N, K)."""
        weight = torch._weight_norm(self.weight_v, self.weight_g, 0)
        return F.linear(features, weight)


class _SumOverProcesses(torch.autograd.Function):
    """Sum a tensor over all processes; its gradient is summed likewise."""

    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SyncedBatchNorm1d(nn.BatchNorm1d):
    """Batch normalisation over the batch of all processes, on any device.

    PyTorch's own synchronised layer works on GPUs alone.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Normalise (N, D)."""
        size = dist.get_world_size() if dist.is_initialized() else 1
        if not self.training or size == 1:
            return super().forward(features)
        count = features.shape[0] * size
        values = features.float()  # sums of squares need more than 16 bits
        mean, square = _SumOverProcesses.apply(_moments(values)).div(count).chunk(2)
        variance = (square - mean.square()).clamp_min(0)
        self._track(mean, variance, count)
        normal = (values - mean) * torch.rsqrt(variance + self.eps)
        return (normal * self.weight + self.bias).to(features.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.num_batches_tracked += 1
        unbiased = variance * count / max(count - 1, 1)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)


def _moments(values: Tensor) -> Tensor:
    return torch.cat([values.sum(0), values.square().sum(0)])


def mlp(widths: list[int], use_bn: bool, activation: type[nn.Module]) -> nn.Sequential:
    """Build linear layers of these widths, normalised and activated in between."""
    layers: list[nn.Module] = []
    for index, (in_dim, out_dim) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(in_dim, out_dim))
        if index < len(widths) - 2:
            if use_bn:
                layers.append(SyncedBatchNorm1d(out_dim))
            layers.append(activation())
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=INIT_STD)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


class ProjectionHead(nn.Module):
    """An MLP and, where asked, a predictor: the head of BYOL and MoCo-v2, the body of DINO's.

    Args:
        in_dim: width of the backbone's feature.
        hidden_dim: width of the hidden layers.
        bottleneck_dim: width of the outputs K.
        layers: linear layers of the MLP.
        use_bn: batch normalisation after each hidden layer.
        predictor: a further two-layer MLP at the end (the student's alone).
        activation: between the layers.
    """

    def __init__(
        self,
        in_dim: int,
        *,
        hidden_dim: int = 2048,
        bottleneck_dim: int = 256,
        layers: int = 3,
        use_bn: bool = False,
        predictor: bool = False,
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        widths = [in_dim, *[hidden_dim] * (layers - 1), bottleneck_dim]
        self.mlp = mlp(widths, use_bn, activation)
        if predictor:
            self.predictor = mlp([bottleneck_dim, hidden_dim, bottleneck_dim], use_bn, activation)
        self.has_predictor = predictor

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, D) to (N, K), not normalised."""
        projected: Tensor = self.mlp(features)
        return self.predictor(projected) if self.has_predictor else projected


class DINOHead(ProjectionHead):
    """MLP to a bottleneck, L2 normalisation, weight-normalised linear layer to the outputs.

    Args:
        in_dim: width of the backbone's feature.
        out_dim: outputs K.
        bottleneck_dim: width before the last layer.
        norm_last_layer: hold the last layer's gain at 1.
        body: the other options of `ProjectionHead`.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        bottleneck_dim: int = 256,
        norm_last_layer: bool = True,
        **body: Any,
    ) -> None:
        super().__init__(in_dim, bottleneck_dim=bottleneck_dim, activation=nn.GELU, **body)
        self.last_layer = WeightNormLinear(bottleneck_dim, out_dim, train_gain=not norm_last_layer)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, D) to (N, K)."""
        logits: Tensor = self.last_layer(F.normalize(super().forward(features), dim=-1))
        return logits
