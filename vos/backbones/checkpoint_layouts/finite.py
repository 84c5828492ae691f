"""Weights that are no finite numbers: they give features that are none, and empty masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from vos.errors import InputError


def check_finite(tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Refuse weights that hold NaN or infinity.

    Args:
        tensors: any shapes and dtypes, by the names of the file.
        path: the file, for the message.

    Raises:
        InputError: a tensor holds a value that is not finite; the message names it and counts them.
    """
    for name, values in tensors.items():
        if not values.is_floating_point():
            continue
        wide = values.float() if values.element_size() == 1 else values  # no isfinite for float8
        count = values.numel() - int(torch.isfinite(wide).sum())
        if count:
            raise InputError(
                f"{path}: {name} holds {count} values of {values.numel()} that are not finite (NaN "
                "or infinity), so no feature and no mask can come of it; expected finite weights. "
                "Take an earlier checkpoint of that training, or get the file again"
            )
