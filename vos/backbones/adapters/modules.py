"""Modules that say of themselves what a backbone of them needs."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from vos.backbones.adapters.wrapped import wrap_backbone
from vos.backbones.backbone import Backbone
from vos.errors import InputError

_NEEDED = ("stride", "mean", "std")


def backbone_of_module(given: object) -> Backbone:
    """Return a backbone as it is, or one of a module with `stride`, `mean` and `std`.

    Of the module `name` (text), `class_token` (a bool) and `registers` (an int) are read as well,
    where it has such attributes.

    Raises:
        InputError: it is neither; the message names its type.
    """
    if isinstance(given, Backbone):
        return given
    if not isinstance(given, nn.Module):
        kind = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
        raise InputError(
            f"a backbone is expected, and {kind} was given; give a vos.Backbone, a "
            "torch.nn.Module with stride, mean and std, or a name such as dino_vits8"
        )
    absent = [name for name in _NEEDED if getattr(given, name, None) is None]
    if absent:
        raise InputError(
            f"the module {type(given).__name__} does not say its {', '.join(absent)}; set them as "
            "attributes, or give vos.wrap_backbone(module, stride=..., mean=..., std=...)"
        )
    values: dict[str, Any] = {name: getattr(given, name) for name in _NEEDED}
    # Networks often have tensors or layers of these names, so only plain values count.
    kinds: dict[str, type] = {"name": str, "class_token": bool, "registers": int}
    for name, plain in kinds.items():
        value = getattr(given, name, None)
        if isinstance(value, plain) and not isinstance(value, Tensor):
            values[name] = value
    return wrap_backbone(given, **values)
