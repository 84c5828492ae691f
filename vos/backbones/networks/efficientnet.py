"""EfficientNet-Lite0 (Tan and Le 2019, in TensorFlow's variant for mobile devices).

It is timm's `tf_efficientnet_lite0` to the bit, in its names, in its numbers and in what a seed
gives.

Shapes: B batch, C channels, H W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

_STEM = 32
_FEATURES = 1280
_NORM_EPS = 1e-3


class Stage(NamedTuple):
    """Blocks of one width, the first of which takes the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class EfficientNet(nn.Module):
    """EfficientNet-Lite0 with fresh weights, without a classifier until `reset_classifier`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _conv(3, _STEM, 3, stride=2)
        self.bn1 = BatchNormAct(_STEM)
        for _ in range(2):  # timm draws two such layers here and drops them: a seed stays in step
            nn.Conv2d(8, 8, 1)
        before = (_STEM, *(stage.channels for stage in STAGES[:-1]))
        self.blocks = nn.Sequential(*map(_build_stage, before, STAGES))
        self.conv_head = _conv(STAGES[-1].channels, _FEATURES, 1)
        self.bn2 = BatchNormAct(_FEATURES)
        self.classifier: nn.Module = nn.Identity()
        self.apply(_draw_convolution)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W) to pooled features (B, 1280), or to scores (B, classes)."""
        return self.forward_head(self.forward_features(images))

    def forward_features(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W) to the last map (B, 1280, H / 32, W / 32), sides rounded up."""
        x = self.blocks(self.bn1(self.conv_stem(images)))
        last: Tensor = self.bn2(self.conv_head(x))
        return last

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Average a map (B, 1280, h, w) and classify it, unless `pre_logits`."""
        pooled = F.adaptive_avg_pool2d(x, 1).flatten(1)
        if pre_logits:
            return pooled
        scores: Tensor = self.classifier(pooled)
        return scores

    def stage_maps(self, images: Tensor, stages: Collection[int]) -> list[Tensor]:
        """Return the maps after some stages, and compute none beyond.

        Args:
            images: (B, 3, H, W), normalised.
            stages: which, from 0.

        Returns:
            (B, C, h, w) of each stage, from the first to the last.
        """
        x = self.bn1(self.conv_stem(images))
        maps = []
        for number, stage in enumerate(self.blocks[: max(stages) + 1]):
            x = stage(x)
            if number in stages:
                maps.append(x)
        return maps

    def reset_classifier(self, classes: int) -> None:
        """Put a new linear classifier after the pooled features; 0 takes it away."""
        weights = self.conv_head.weight
        self.classifier = (
            nn.Linear(_FEATURES, classes, device=weights.device, dtype=weights.dtype)
            if classes
            else nn.Identity()
        ).train(self.training)

    def get_classifier(self) -> nn.Module:
        """Return the classifier, an `nn.Identity` where there is none."""
        return self.classifier

    def group_matcher(self, coarse: bool = False) -> dict[str, object]:
        """Return timm's patterns of parameters by depth, for a learning rate that decays with it.

        Args:
            coarse: one group a stage, not a block.
        """
        block = r"^blocks\.(\d+)" if coarse else r"^blocks\.(\d+)\.(\d+)"
        return {"stem": r"^conv_stem|bn1", "blocks": [(block, None), (r"conv_head|bn2", (99999,))]}


class BatchNormAct(nn.BatchNorm2d):
    """Batch norm, and a ReLU that ends at 6 unless `active` is off."""

    def __init__(self, channels: int, *, active: bool = True) -> None:
        super().__init__(channels, eps=_NORM_EPS)
        self.act = nn.ReLU6(inplace=True) if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, H, W)."""
        active: Tensor = self.act(super().forward(x))
        return active


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's padding, whose amount depends on the size of the input."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H / stride, W / stride), sides rounded up."""
        return self._conv_forward(pad_same(x, self), self.weight, self.bias)


class DepthwiseSeparableConv(nn.Module):
    """A convolution a channel and one across channels."""

    def __init__(self, before: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.conv_dw = _conv(before, before, kernel, groups=before)
        self.bn1 = BatchNormAct(before)
        self.conv_pw = _conv(before, channels, 1)
        self.bn2 = BatchNormAct(channels, active=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H, W)."""
        x = self.bn1(self.conv_dw(x))
        projected: Tensor = self.bn2(self.conv_pw(x))
        return projected


class InvertedResidual(nn.Module):
    """Expansion, a convolution a channel, projection; beside a residual where shapes allow it."""

    def __init__(
        self, before: int, channels: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        width = before * expansion
        self.has_skip = before == channels and stride == 1
        self.conv_pw = _conv(before, width, 1)
        self.bn1 = BatchNormAct(width)
        self.conv_dw = _conv(width, width, kernel, stride=stride, groups=width)
        self.bn2 = BatchNormAct(width)
        self.conv_pwl = _conv(width, channels, 1)
        self.bn3 = BatchNormAct(channels, active=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H / stride, W / stride), sides rounded up."""
        expanded = self.bn1(self.conv_pw(x))
        filtered = self.bn2(self.conv_dw(expanded))
        projected: Tensor = self.bn3(self.conv_pwl(filtered))
        return projected + x if self.has_skip else projected


def pad_same(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Pad (B, C, H, W) with zeros as TensorFlow does for a convolution: the odd one goes last.

    In whole numbers, which exported files can hold. The kernel must leave out no pixel between two
    of its places: it reaches at least as far as the stride.
    """
    pads = list[int]()
    for axis in (1, 0):
        stride, reach = conv.stride[axis], (conv.kernel_size[axis] - 1) * conv.dilation[axis]
        total = -x.shape[2 + axis] % stride + reach + 1 - stride
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def _conv(
    before: int, channels: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Build a convolution with TensorFlow's padding, which a stride of 1 makes a constant."""
    if stride > 1:
        return SameConv2d(before, channels, kernel, stride, groups=groups, bias=False)
    return nn.Conv2d(before, channels, kernel, padding=kernel // 2, groups=groups, bias=False)


def _build_stage(before: int, stage: Stage) -> nn.Sequential:
    """Build a stage's blocks; without an expansion they are depthwise separable."""
    if stage.expansion == 1:
        return nn.Sequential(DepthwiseSeparableConv(before, stage.channels, stage.kernel))
    blocks = list[nn.Module]()
    for number in range(stage.blocks):
        width, stride = (stage.channels, 1) if number else (before, stage.stride)
        blocks.append(
            InvertedResidual(width, stage.channels, stage.kernel, stride, stage.expansion)
        )
    return nn.Sequential(*blocks)


def _draw_convolution(module: nn.Module) -> None:
    """Draw a convolution's weights as TensorFlow's own code does; for `nn.Module.apply`."""
    if isinstance(module, nn.Conv2d):
        rows, columns = module.kernel_size
        fan_out = rows * columns * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))
