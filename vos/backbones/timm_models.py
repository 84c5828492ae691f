"""Feature extractors from timm's zoo: any of its models.

timm is imported when the first is built: it takes seconds, and the other backbones do without it.

Shapes: B batch, D width, H' W' pixels of the network's input, h w patches.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from difflib import get_close_matches
from inspect import signature
from typing import Any, cast

import torch
from torch import Tensor, nn

from vos.backbones.backbone import Backbone
from vos.backbones.checkpoint_layouts.names import HEADS, MASK_TOKENS, StateDict
from vos.backbones.checkpoint_layouts.pickles import first_line
from vos.backbones.checkpoints import Checkpoint, load_strictly
from vos.backbones.networks.hub_access import hub_address, offline_if_unreachable
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError

_NOT_CACHED = {"LocalEntryNotFoundError", "OfflineModeIsEnabled"}
_PROBE_PATCHES = (12, 16)
"""Rows and columns of the map that a new model is tried with."""


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
        self.computes_in_16_bits = self.needs_whole_patches = hasattr(network, "patch_embed")
        if _is_plain_vit(network):
            self.depth = level + 1
            self.has_class_token = _gives_class_token(network)

    def block_features(
        self, images: Tensor, numbers: Sequence[int]
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Compute the map (B, D, h, w) and the class token (B, D), if any, of each block."""
        offset = self.level + 1 - self.depth
        levels = sorted({number + offset for number in numbers})
        options = {"return_prefix_tokens": True} if self.has_class_token else {}
        blocks = cast("Any", self.network).forward_intermediates(
            images,
            indices=levels,
            norm=True,
            stop_early=True,
            intermediates_only=True,
            **options,
        )
        if self.has_class_token:
            pairs = [(patches, prefix[:, 0]) for patches, prefix in blocks]
        else:
            pairs = [(patches, None) for patches in blocks]
        return [pairs[levels.index(number + offset)] for number in numbers]


def _is_plain_vit(network: Any) -> bool:
    """Whether the network has patches of one size in all its blocks."""
    strides = {f["reduction"] for f in network.feature_info}
    return getattr(network, "patch_embed", None) is not None and len(strides) == 1


def _gives_class_token(network: Any) -> bool:
    """Whether a class token comes first among the tokens beside the patches'."""
    if getattr(network, "cls_token", None) is None or not getattr(network, "num_prefix_tokens", 0):
        return False
    return "return_prefix_tokens" in signature(network.forward_intermediates).parameters


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
        state = _timms_own(checkpoint.state, network)
        load_strictly(network, state, f"timm:{name}", str(checkpoint.path))
        record = WeightsRecord.of(checkpoint, f"timm:{name}")
    else:
        record = WeightsRecord(f"timm:{name}", "untrained" if untrained else "timm", None, "timm")
    level, level_stride, dim = choose_level(network, f"timm:{name}", stride)
    backbone = TimmBackbone(network, level, level_stride, dim, record)
    _try(backbone, name)
    return backbone


@torch.inference_mode()
def _try(backbone: TimmBackbone, name: str) -> None:
    """Run a small picture through, since not every model of timm takes every size.

    Raises:
        InputError: it fails, or its map is not one feature a stride.
    """
    rows, columns = _PROBE_PATCHES
    image = torch.zeros(1, 3, rows * backbone.stride, columns * backbone.stride)
    try:
        shape = tuple(backbone(image).shape)
    except Exception as error:
        raise InputError(
            f"timm:{name} cannot take pictures of any size ({first_line(error)}); choose another "
            "model"
        ) from None
    if shape != (1, backbone.dim, rows, columns):
        raise InputError(
            f"timm:{name} gives features of shape {shape} where its stride {backbone.stride} "
            f"promises {(1, backbone.dim, rows, columns)}; choose another model"
        )


def _create(name: str, *, pretrained: bool) -> nn.Module:
    import timm

    if not timm.is_model(name.split(".", maxsplit=1)[0]):
        near = ", ".join(get_close_matches(name, timm.list_models(), n=5)) or "none alike"
        raise InputError(f"timm {timm.__version__} has no model {name!r}; near: {near}")
    attempts: tuple[dict[str, Any], ...] = ({"dynamic_img_size": True}, {})
    reachable = True
    for options in attempts:  # a CNN knows no such option
        try:
            with offline_if_unreachable() if pretrained else nullcontext(True) as reachable:
                return timm.create_model(name, pretrained=pretrained, num_classes=0, **options)
        except TypeError:
            continue
        except Exception as error:
            if not pretrained:
                raise InputError(f"timm cannot build {name!r}: {first_line(error)}") from None
            reason = f"{type(error).__name__}: {first_line(error)}"
            if not reachable and type(error).__name__ in _NOT_CACHED:
                reason = f"they are not in the cache, and {hub_address()} cannot be reached"
            raise InputError(
                f"timm's weights of {name} could not be had ({reason}). Ways out: download them "
                "where there is a network and give --weights FILE; or use the built-in backbone, "
                "which needs no download: --backbone efficientnet_lite0"
            ) from None
    raise InputError(f"timm cannot build {name!r} without a classifier")


def _timms_own(state: StateDict, network: nn.Module) -> StateDict:
    """Return the tensors as timm's own conversion for that model gives them, where they need it."""
    own = network.state_dict()
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    fits = own.keys() == state.keys() and all(own[n].shape == state[n].shape for n in own)
    if fits or convert is None:
        return state
    raw = dict(state)
    if "register_tokens" in raw:  # the mark of DINOv2's layout, by which timm knows it
        raw.setdefault("mask_token", torch.zeros(1))
    try:
        converted = convert(raw, network)
    except Exception:
        return state  # not of a layout that timm knows; loading says what differs
    return {
        name: tensor
        for name, tensor in converted.items()
        if name in own or (name not in MASK_TOKENS and not name.startswith(HEADS))
    }


def choose_level(network: nn.Module, name: str, stride: int) -> tuple[int, int, int]:
    """Return the number, the stride and the width of a feature level of a timm network.

    Args:
        network: the model.
        name: what to call it in messages.
        stride: of a CNN the deepest level that is at most so coarse is taken; a ViT has one.

    Raises:
        InputError: it gives no intermediate features, or none that fine.
    """
    if not hasattr(network, "forward_intermediates"):
        raise InputError(f"{name} gives no intermediate features; choose another model")
    levels = [(f["reduction"], f["num_chs"]) for f in cast("Any", network).feature_info]
    if _is_plain_vit(network):
        return len(levels) - 1, *levels[-1]
    fitting = [i for i, (reduction, _) in enumerate(levels) if reduction <= stride]
    if not fitting:
        strides = ", ".join(str(r) for r, _ in levels)
        raise InputError(f"{name} has feature strides {strides}; none is at most {stride}")
    return fitting[-1], *levels[fitting[-1]]
