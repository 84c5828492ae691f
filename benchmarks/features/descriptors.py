"""One feature vector an image, from any frozen backbone: what every table is computed on.

Caron et al. 2021: class token (k-NN, retrieval), class tokens of the last blocks or class token
and mean patch (linear), class token and GeM of the patches (copy detection).

Shapes: B batch, D width, H W pixels, N patches.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from benchmarks.features.choices import FeatureKind
from vos.backbones.backbone import Backbone
from vos.errors import InputError

GEM_POWER = 4.0
GEM_FLOOR = 1e-6
_LAST_BLOCKS = 4


def gem(patches: Tensor, power: float = GEM_POWER, floor: float = GEM_FLOOR) -> Tensor:
    """Return the generalised mean of patch tokens: (B, N, D) -> (B, D)."""
    return patches.clamp(min=floor).pow(power).mean(1).pow(1 / power)


def copy_descriptor(tokens: Tensor) -> Tensor:
    """Return class token and GeM of the patches: (B, 1 + N, D), class token first -> (B, 2 D)."""
    return torch.cat([tokens[:, 0], gem(tokens[:, 1:])], dim=1)


@torch.no_grad()
def describe_images(backbone: Backbone, images: Tensor, kind: FeatureKind) -> Tensor:
    """Return one feature vector an image.

    Args:
        backbone: any backbone.
        images: (B, 3, H, W) normalized.
        kind: which features; see `FeatureKind`.

    Returns:
        (B, width) float32 on the backbone's device, not normalized.

    Raises:
        InputError: the backbone has no such features.
    """
    network = cast("Any", backbone.network)
    inputs = backbone.to_input(images)
    if backbone.needs_whole_patches:
        inputs = whole_patches(inputs, backbone.stride)
    if backbone.has_class_token:
        return from_tokens(_last_tokens(backbone, inputs, kind), kind)
    if not hasattr(network, "forward_head"):  # no network of timm's kind: the map alone is known
        features = backbone(inputs).float()  # (B, D, h, w)
        return _gem_of_map(features) if kind == "class_gem" else features.mean((2, 3))
    if kind == "class_gem":
        return _gem_of_map(network.forward_features(inputs).float())
    pooled = network.forward_head(network.forward_features(inputs), pre_logits=True)
    return cast("Tensor", pooled).float()


def whole_patches(inputs: Tensor, patch: int) -> Tensor:
    """Cut off what fills no patch, at the right and at the bottom, as the published network does.

    Raises:
        InputError: the images (B, 3, H, W) hold no whole patch.
    """
    rows, columns = inputs.shape[-2] // patch * patch, inputs.shape[-1] // patch * patch
    if not rows or not columns:
        raise InputError(
            f"an image came out {inputs.shape[-1]} x {inputs.shape[-2]} pixels, smaller than a "
            f"patch of {patch}; give a larger size, or leave the image out"
        )
    return inputs[..., :rows, :columns]


def from_tokens(blocks: list[Tensor], kind: FeatureKind) -> Tensor:
    """Return the feature vectors from the last blocks' tokens.

    Args:
        blocks: (B, 1 + N, D) float32 each, class token first, the last block's at the end.
        kind: which features.

    Raises:
        InputError: the network has fewer blocks than the features need.
    """
    last = blocks[-1]
    if kind == "class":
        return last[:, 0]
    if kind == "class_mean":
        return torch.cat([last[:, 0], last[:, 1:].mean(1)], dim=1)
    if kind == "class_gem":
        return copy_descriptor(last)
    if len(blocks) < _LAST_BLOCKS:
        raise InputError(
            f"the network has {len(blocks)} blocks; {kind} needs {_LAST_BLOCKS}: choose another "
            "kind of features"
        )
    return torch.cat([tokens[:, 0] for tokens in blocks[-_LAST_BLOCKS:]], dim=1)


def _last_tokens(backbone: Backbone, inputs: Tensor, kind: FeatureKind) -> list[Tensor]:
    """Return the tokens (B, 1 + N, D) of the last blocks: of four, or of one where that does."""
    count = min(_LAST_BLOCKS, backbone.depth) if kind == "class_last_4" else 1
    features = backbone.features(inputs, layers=range(-count, 0), class_token=True)
    tokens = cast("Tensor", features.class_tokens)[:, :, None]
    patches = features.patches.flatten(3).transpose(2, 3)  # (B, layers, N, D)
    return list(torch.cat([tokens, patches], dim=2).float().unbind(1))


def _gem_of_map(features: Tensor) -> Tensor:
    """Return mean and GeM of a CNN's last map: (B, D, h, w) -> (B, 2 D)."""
    if features.ndim != 4:
        raise InputError(
            "the network has neither a class token nor a feature map; class_gem cannot be had"
        )
    patches = features.flatten(2).transpose(1, 2)  # (B, N, D)
    return torch.cat([patches.mean(1), gem(patches)], dim=1)
