"""Any module as a backbone: one that gives maps or tokens, timm's, Hugging Face's.

Shapes: B batch, N tokens, D width, C channels, H' W' pixels of the network's input, h w patches.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from vos.backbones.adapters.outputs import Prefix, features_of, is_tokens
from vos.backbones.adapters.trial import ForwardFailure, check_trial, trial_images
from vos.backbones.backbone import Backbone
from vos.backbones.timm_models import TimmBackbone, choose_level
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError

_Statistics = tuple[tuple[float, ...], tuple[float, ...]]
_GRAYS_OF_BYTES = 10.0
"""A mean or deviation above this is one of values in 0..255."""


class WrappedBackbone(Backbone):
    """A module that gives maps (B, D, h, w) or tokens (B, N, D); see `wrap_backbone`."""

    needs_whole_patches = True

    def __init__(
        self,
        network: nn.Module,
        *,
        stride: int,
        dim: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        record: WeightsRecord,
        prefix: Prefix,
        gives_tokens: bool,
    ) -> None:
        super().__init__(network, stride=stride, dim=dim, mean=mean, std=std, record=record)
        self.prefix = prefix
        self.has_class_token = prefix.class_token
        self.computes_in_16_bits = gives_tokens
        self.runs_channels_last = not gives_tokens
        self._options = _forward_options(network)

    def block_features(
        self, images: Tensor, numbers: Sequence[int]
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Compute the map (B, D, h, w) and the class token (B, D), if any, of the one block."""
        grid = (images.shape[-2] // self.stride, images.shape[-1] // self.stride)
        given = self.network(images, **self._options)
        return [features_of(given, grid, self.prefix, self.record.name)] * len(numbers)


class WeightlessModule(nn.Module):
    """A module without any weights, with an empty one that says where and how it computes."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.place = nn.Parameter(torch.empty(0), requires_grad=False)

    def forward(self, images: Tensor) -> Any:
        """Return what the module gives for images (B, C, H', W')."""
        return self.module(images)


def wrap_backbone(
    module: nn.Module,
    *,
    stride: int,
    mean: Sequence[float] | Tensor,
    std: Sequence[float] | Tensor,
    name: str | None = None,
    class_token: bool | None = None,
    registers: int | None = None,
) -> Backbone:
    """Make a backbone of a module, which is tried with two small random pictures.

    The module takes normalised images (B, 3, H', W'), sides multiples of `stride`, and gives a map
    (B, D, h, w) with a feature each `stride` pixels, or tokens (B, N, D): a class token, registers,
    then the patches row by row. Models of timm (`timm.create_model(...)`: a ViT's last block, a
    CNN's level of that stride) and of Hugging Face (outputs with `last_hidden_state`) are taken as
    they are. The module itself is used, on its device and in its precision: it is put into
    evaluation mode and its weights are frozen. `Backbone.place` moves it. What gives maps computes
    in float32 whatever the precision, as CNNs do.

    Args:
        module: the network.
        stride: pixels from one feature to the next.
        mean: of RGB values in 0..1, which the frames are normalised by; one value for a network
            that takes their luminance.
        std: the deviations.
        name: what to call it in records; the class's name by default.
        class_token: whether the tokens begin with a class token, which is left out of the map. By
            default not, except where a Hugging Face model has one.
        registers: how many tokens beside it come before the patches. By default none, or as many
            as the configuration of a Hugging Face model says.

    Raises:
        InputError: it is no module; the numbers cannot be; it fails on the pictures, or gives
            something else than the stride, the class token and the registers promise.
    """
    if not isinstance(module, nn.Module):
        raise InputError(
            f"wrap_backbone takes a torch.nn.Module; got {type(module).__name__}. A class or a "
            "function has to be called first"
        )
    if isinstance(module, Backbone):
        raise InputError(f"{type(module).__name__} is a backbone already; use it as it is")
    if isinstance(stride, bool) or not isinstance(stride, int) or stride < 1:
        raise InputError(f"the stride is {stride!r}; expected a whole number of pixels, 1 or more")
    statistics = _statistics(mean, std)
    label = name or type(module).__name__
    if _is_of_timm(module):
        if class_token is not None or registers is not None:
            raise InputError(f"{label} is a model of timm; leave out class_token and registers")
        return _of_timm(module, stride, statistics, label)
    prefix = Prefix.of(module, class_token, registers)
    return _of_module(module, stride, statistics, label, prefix)


def _of_module(
    module: nn.Module, stride: int, statistics: _Statistics, name: str, prefix: Prefix
) -> Backbone:
    mean, std = statistics
    network = module if _has_weights(module) else WeightlessModule(module)
    module.eval()
    images = trial_images(network, stride, len(mean))
    with torch.no_grad(), ForwardFailure(name, images):
        given = network(images, **_forward_options(network))
    dim, prefix = check_trial(given, images, stride, prefix, name)
    return WrappedBackbone(
        network,
        stride=stride,
        dim=dim,
        mean=mean,
        std=std,
        record=WeightsRecord.of_module(network, name),
        prefix=prefix,
        gives_tokens=is_tokens(given),
    )


def _of_timm(module: nn.Module, stride: int, statistics: _Statistics, name: str) -> Backbone:
    level, level_stride, dim = choose_level(module, name, stride)
    if level_stride != stride:
        raise InputError(
            f"{name} has no features of stride {stride}; the nearest finer ones have {level_stride}"
        )
    record = WeightsRecord.of_module(module, name)
    backbone = TimmBackbone(module, level, level_stride, dim, record)
    backbone.mean, backbone.std = statistics
    images = trial_images(module, stride, backbone.channels)
    advice = "; a ViT of timm takes any size if it is created with dynamic_img_size=True"
    with torch.no_grad(), ForwardFailure(name, images, advice):
        given = backbone(images)
    check_trial(given, images, stride, Prefix(), name)
    return backbone


def _is_of_timm(module: nn.Module) -> bool:
    marks = ("forward_intermediates", "feature_info", "pretrained_cfg")
    return all(hasattr(module, mark) for mark in marks)


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _forward_options(module: nn.Module) -> dict[str, Any]:
    """Return what a Hugging Face ViT needs in order to take pictures of any size."""
    known = inspect.signature(module.forward).parameters
    return {"interpolate_pos_encoding": True} if "interpolate_pos_encoding" in known else {}


def _statistics(mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor) -> _Statistics:
    """Return the means and deviations as plain numbers.

    Raises:
        InputError: they are not one or three each, or not of values in 0..1.
    """
    try:
        means, deviations = (
            tuple(torch.as_tensor(values, dtype=torch.float64).reshape(-1).tolist())
            for values in (mean, std)
        )
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            f"mean {mean!r} and std {std!r}: expected three numbers each, one for each of R, G, B"
        ) from None
    if len(means) != len(deviations) or len(means) not in (1, 3):
        raise InputError(
            f"mean has {len(means)} values and std {len(deviations)}; expected three each (R, G, "
            "B), or one each for a network that takes the luminance"
        )
    if any(abs(m) > _GRAYS_OF_BYTES for m in means) or max(deviations) > _GRAYS_OF_BYTES:
        raise InputError(
            f"mean {means} and std {deviations} are of values in 0..255; divide them by 255"
        )
    if not all(map(isfinite, means + deviations)) or min(deviations) <= 0:
        raise InputError(f"mean {means}, std {deviations}: expected numbers, the std above 0")
    return means, deviations
