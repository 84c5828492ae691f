"""Feature extractors from timm's zoo: any of its models, and the built-in EfficientNet-Lite0.

Shapes: B batch, D width, H' W' pixels of the network's input, h w patches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vos.backbone_base import IMAGENET_MEAN, PROTOCOL_STD, Backbone, WeightsRecord
from vos.checkpoints import Checkpoint, StateDict, read_file
from vos.files import InputError, sha256_of
from vos.weights import packaged_file

_LITE0_STAGES = (1, 2, 2, 3, 3, 4, 1)
"""Blocks a stage of EfficientNet-Lite0, which the package numbers through."""
_LITE0_MAPS = (2, 3)
"""Feature levels, by timm's count, of the last maps of stride 8 and of stride 16."""
_LITE0_WEIGHTS = (1.0, 2.0)
_LITE0_FIRST_STAGE = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_LITE0_LATER_STAGES = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


class TimmBackbone(Backbone):
    """Any timm model: a ViT's patch tokens after its norm, or one feature level of a CNN."""

    def __init__(
        self, network: nn.Module, level: int, stride: int, dim: int, record: WeightsRecord
    ) -> None:
        config: Mapping[str, Any] = cast("Any", network).pretrained_cfg
        super().__init__(
            network,
            stride=stride,
            dim=dim,
            mean=tuple(config.get("mean", (0.485, 0.456, 0.406))),
            std=tuple(config.get("std", (0.229, 0.224, 0.225))),
            record=record,
        )
        self.level = level

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, D, h, w); see `Backbone`."""
        (features,) = cast("Any", self.network).forward_intermediates(
            self.to_input(images),
            indices=[self.level],
            norm=True,
            stop_early=True,
            intermediates_only=True,
        )
        return features


def timm_backbone(
    name: str, checkpoint: Checkpoint | None, *, stride: int, untrained: bool
) -> TimmBackbone:
    """Build a model of timm as a backbone.

    Args:
        name: timm's name, with or without its pretraining tag.
        checkpoint: weights for it; None takes timm's own, downloaded from its hub.
        stride: for a CNN, the deepest level that is at most so coarse is taken; a ViT has one.
        untrained: keep the random start.

    Raises:
        InputError: timm has no such model or no weights for it; the hub cannot be reached; the
            checkpoint does not fit; or the model has no level that fine.
    """
    network = _create(name, pretrained=checkpoint is None and not untrained)
    if checkpoint is not None:
        load_strictly(network, checkpoint.state, f"timm:{name}", str(checkpoint.path))
        record = WeightsRecord(
            f"timm:{name}",
            str(checkpoint.path),
            sha256_of(checkpoint.path),
            checkpoint.layout,
        )
    else:
        record = WeightsRecord(f"timm:{name}", "untrained" if untrained else "timm", None, "timm")
    level, found, dim = _choose_level(network, name, stride)
    return TimmBackbone(network, level, found, dim, record)


def _create(name: str, *, pretrained: bool) -> nn.Module:
    if not timm.is_model(name.split(".", maxsplit=1)[0]):
        near = ", ".join(get_close_matches(name, timm.list_models(), n=5)) or "none alike"
        raise InputError(f"timm {timm.__version__} has no model {name!r}; near: {near}")
    attempts: tuple[dict[str, Any], ...] = ({"dynamic_img_size": True}, {})
    for options in attempts:  # a CNN knows no such option
        try:
            return timm.create_model(name, pretrained=pretrained, num_classes=0, **options)
        except TypeError:
            continue
        except Exception as error:
            if not pretrained:
                raise
            raise InputError(
                f"timm's weights of {name} could not be had ({type(error).__name__}: "
                f"{str(error).splitlines()[0][:160]}). Ways out: download them where there is a "
                "network and give --weights FILE; or use the built-in backbone, which needs no "
                "download: --backbone efficientnet_lite0"
            ) from None
    raise InputError(f"timm cannot build {name!r} without a classifier")


def _choose_level(network: nn.Module, name: str, stride: int) -> tuple[int, int, int]:
    if not hasattr(network, "forward_intermediates"):
        raise InputError(f"timm:{name} gives no intermediate features; choose another model")
    levels = [(f["reduction"], f["num_chs"]) for f in cast("Any", network).feature_info]
    if getattr(network, "patch_embed", None) is not None and len({r for r, _ in levels}) == 1:
        return len(levels) - 1, *levels[-1]
    fitting = [i for i, (reduction, _) in enumerate(levels) if reduction <= stride]
    if not fitting:
        have = ", ".join(str(r) for r, _ in levels)
        raise InputError(f"timm:{name} has feature strides {have}; none is at most {stride}")
    return fitting[-1], *levels[fitting[-1]]


def load_strictly(network: nn.Module, state: StateDict, name: str, source: str) -> None:
    """Load a backbone's tensors; heads aside, every name and shape must fit.

    Raises:
        InputError: they are weights of another architecture; the message counts what differs.
    """
    own = network.state_dict()
    missing = sorted(set(own) - set(state))
    strange = sorted(set(state) - set(own))
    shapes = [n for n in own if n in state and own[n].shape != state[n].shape]
    if missing or strange or shapes:
        parts = [
            f"{len(names)} {what} (such as {names[0]})"
            for what, names in (
                ("tensors missing", missing),
                ("tensors unknown", strange),
                ("tensors of another shape", shapes),
            )
            if names
        ]
        raise InputError(
            f"{source} holds weights of another architecture than {name}: {', '.join(parts)}"
        )
    network.load_state_dict(state)


class EfficientNetLite0(Backbone):
    """The built-in backbone: two levels of EfficientNet-Lite0, trained on ImageNet with labels.

    Its last stride-8 map, and its last stride-16 map brought to stride 8 (bilinear), each
    L2-normalised over channels, concatenated with weights 1 and 2. D is 40 + 112.
    """

    def __init__(self, *, untrained: bool = False) -> None:
        network = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
        if untrained:
            record = WeightsRecord("efficientnet_lite0", "untrained", None, "timm")
        else:
            path = packaged_file()
            state = lite0_state(path)
            state = {n: t for n, t in state.items() if not n.startswith("classifier.")}
            load_strictly(network, state, "efficientnet_lite0", str(path))
            record = WeightsRecord("efficientnet_lite0", path.name, sha256_of(path), "package")
        super().__init__(
            network, stride=8, dim=152, mean=IMAGENET_MEAN, std=PROTOCOL_STD, record=record
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, 152, h, w); see `Backbone`."""
        fine, coarse = cast("Any", self.network).forward_intermediates(
            self.to_input(images),
            indices=list(_LITE0_MAPS),
            stop_early=True,
            intermediates_only=True,
        )
        coarse = F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        maps = (F.normalize(fine, dim=1), F.normalize(coarse, dim=1))
        weighted = [m * weight for m, weight in zip(maps, _LITE0_WEIGHTS, strict=True)]
        return torch.cat(weighted, dim=1)


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
    while index >= _LITE0_STAGES[stage]:
        index -= _LITE0_STAGES[stage]
        stage += 1
    inner = _LITE0_FIRST_STAGE if stage == 0 else _LITE0_LATER_STAGES
    return f"blocks.{stage}.{index}.{inner[module]}.{rest}"
