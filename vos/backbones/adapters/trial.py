"""The trial of a module: two small pictures, and what its features say of it.

Shapes: B batch, N tokens, D width, C channels, h w patches.
"""

from __future__ import annotations

from dataclasses import replace
from math import isqrt
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from vos.backbones.adapters.outputs import Prefix, tensor_of
from vos.backbones.checkpoint_layouts.pickles import first_line
from vos.errors import InputError

_PICTURES, _ROWS, _COLUMNS = 2, 12, 16
_LIKELY_PREFIX = 8
"""So many tokens more than patches are taken for a class token and registers."""


def trial_images(network: nn.Module, stride: int, channels: int) -> Tensor:
    """Return random images (2, C, 12 * stride, 16 * stride), as the network takes them."""
    weights = next(network.parameters())
    generator = torch.Generator().manual_seed(0)
    shape = (_PICTURES, channels, _ROWS * stride, _COLUMNS * stride)
    images = torch.randn(shape, generator=generator)
    dtype = weights.dtype if weights.is_floating_point() else torch.float32
    return images.to(device=weights.device, dtype=dtype)


class ForwardFailure:
    """Turns an error of a module's code within the block into one that says what was tried."""

    def __init__(self, name: str, images: Tensor, advice: str = "") -> None:
        self._name, self._images, self._advice = name, images, advice

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, InputError):
            raise InputError(
                f"{self._name} fails on images {tuple(self._images.shape)}: "
                f"{type(error).__name__}: {first_line(error)}. It has to take images "
                f"(B, {self._images.shape[1]}, H, W) of any sides that are multiples of the "
                f"stride{self._advice}"
            ) from error


def check_trial(
    given: Any, images: Tensor, stride: int, prefix: Prefix, name: str
) -> tuple[int, Prefix]:
    """Compare what a module gave for the trial's images with what was said of it.

    Args:
        given: what the module gave.
        images: (2, C, H', W').
        stride: pixels from one feature to the next, as it was said.
        prefix: the tokens before those of the patches, as they were said.
        name: what to call the module.

    Returns:
        D, and the tokens before those of the patches.

    Raises:
        InputError: it gave something else.
    """
    tensor = tensor_of(given)
    if tensor is None:
        inside = f" of {len(given)}" if isinstance(given, list | tuple | dict) else ""
        raise InputError(
            f"{name} gives {type(given).__name__}{inside}; expected one tensor, a map (B, D, h, w) "
            "or tokens (B, N, D), or an output with last_hidden_state. Wrap a module whose "
            "forward returns the one to use"
        )
    shape = tuple(tensor.shape)
    if tensor.ndim == 4 and shape[0] == len(images):
        dim = _width_of_map(shape, images, stride, prefix, name)
    elif tensor.ndim == 3 and shape[0] == len(images):
        prefix = _prefix_of(shape, images, stride, prefix, name)
        dim = shape[2]
    else:
        kind = " (one vector a picture: pooled features)" if tensor.ndim == 2 else ""
        raise InputError(
            f"{name} gives {shape}{kind} for images {tuple(images.shape)}; expected a map "
            f"({len(images)}, D, {_ROWS}, {_COLUMNS}) or tokens ({len(images)}, N, D)"
        )
    if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
        what = "that are not finite" if tensor.is_floating_point() else f"of {tensor.dtype}"
        raise InputError(f"{name} gives features {what}; expected finite floating-point numbers")
    return dim, prefix


def _width_of_map(
    shape: tuple[int, ...], images: Tensor, stride: int, prefix: Prefix, name: str
) -> int:
    if shape[2:] == (_ROWS, _COLUMNS):
        if prefix.class_token or (prefix.registers and not prefix.is_open):
            raise InputError(
                f"{name} gives a map {shape}, not tokens; leave out class_token and registers"
            )
        return shape[1]
    height, width = images.shape[2:]
    reason = f"its stride is not {stride}"
    if shape[1:3] == (_ROWS, _COLUMNS):
        reason = "the width comes last: permute it to (B, D, h, w)"
    elif shape[2] and shape[3] and height / shape[2] == width / shape[3] == height // shape[2]:
        reason = f"its stride is {height // shape[2]}, not {stride}"
    raise InputError(
        f"{name} gives a map {shape} for images {tuple(images.shape)}, where a stride of {stride} "
        f"promises ({shape[0]}, D, {_ROWS}, {_COLUMNS}): {reason}"
    )


def _prefix_of(
    shape: tuple[int, ...], images: Tensor, stride: int, prefix: Prefix, name: str
) -> Prefix:
    patches = _ROWS * _COLUMNS
    extra = shape[1] - patches
    if extra == prefix.tokens:
        return prefix
    if prefix.is_open and extra == prefix.tokens + 1:
        return replace(prefix, class_token=True)
    raise InputError(
        f"{name} gives {shape[1]} tokens, {shape}, for images {tuple(images.shape)}; a stride of "
        f"{stride} promises {patches} of the patches, and class_token={prefix.class_token}, "
        f"registers={prefix.registers} {prefix.tokens} more: {_token_reason(shape, images, prefix)}"
    )


def _token_reason(shape: tuple[int, ...], images: Tensor, prefix: Prefix) -> str:
    patches = _ROWS * _COLUMNS
    extra = shape[1] - patches
    if 0 <= extra <= _LIKELY_PREFIX:
        named = ["class_token=False, registers=0"]
        if extra:
            named = [f"class_token=True, registers={extra - 1}", f"registers={extra}"]
        return f"there are {extra} more; give {' or '.join(named)}"
    if shape[2] in {patches, patches + prefix.tokens}:
        return "the width comes first: transpose it to (B, N, D)"
    area = images.shape[2] * images.shape[3]
    for before in (prefix.tokens, *range(_LIKELY_PREFIX)):
        count = shape[1] - before
        side = isqrt(area // count) if count > 0 else 0
        fits = side > 0 and images.shape[2] % side == 0 and images.shape[3] % side == 0
        if fits and (images.shape[2] // side) * (images.shape[3] // side) == count:
            return f"that is a stride of {side}"
    return "give its stride"
