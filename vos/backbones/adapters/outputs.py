"""Maps and class tokens of what a module gives.

Shapes: B batch, N tokens, D width, h w patches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from vos.errors import InputError

_HIDDEN = "last_hidden_state"


@dataclass(frozen=True)
class Prefix:
    """The tokens before those of the patches."""

    class_token: bool = False
    registers: int = 0
    is_open: bool = False
    """Whether one token more than the registers counts as a class token without being asked for."""

    @property
    def tokens(self) -> int:
        """How many there are."""
        return int(self.class_token) + self.registers

    @classmethod
    def of(cls, module: nn.Module, class_token: bool | None, registers: int | None) -> Prefix:
        """Take what was asked for, and else what a Hugging Face model's configuration says.

        Raises:
            InputError: the registers are no number.
        """
        config = getattr(module, "config", None)
        known = hasattr(config, "hidden_size") or hasattr(config, "num_register_tokens")
        if registers is None:
            registers = int(getattr(config, "num_register_tokens", 0) or 0) if known else 0
        if isinstance(registers, bool) or not isinstance(registers, int) or registers < 0:
            raise InputError(f"registers are {registers!r}; expected their number, 0 or more")
        return cls(bool(class_token), registers, known and class_token is None)


def is_tokens(given: Any) -> bool:
    """Whether a module gives tokens (B, N, D), not maps."""
    tensor = tensor_of(given)
    return tensor is not None and tensor.ndim == 3


def tensor_of(given: Any) -> Tensor | None:
    """Return the tensor in what a module gives; None where there is none that is known."""
    if isinstance(given, Mapping):
        given = given.get(_HIDDEN)
    given = getattr(given, _HIDDEN, given)
    return given if isinstance(given, Tensor) else None


def features_of(
    given: Any, grid: tuple[int, int], prefix: Prefix, name: str
) -> tuple[Tensor, Tensor | None]:
    """Return the map (B, D, h, w) and the class token (B, D), if any.

    Args:
        given: what the module gave.
        grid: (h, w).
        prefix: the tokens before those of the patches.
        name: what to call the module.

    Raises:
        InputError: it is neither a map nor tokens of that grid.
    """
    tensor = tensor_of(given)
    if tensor is not None and tensor.ndim == 4 and tuple(tensor.shape[2:]) == grid:
        return tensor, None
    tokens = grid[0] * grid[1] + prefix.tokens
    if tensor is None or tensor.ndim != 3 or tensor.shape[1] != tokens:
        shape = type(given).__name__ if tensor is None else tuple(tensor.shape)
        raise InputError(
            f"{name} gives {shape} for {grid[0]}x{grid[1]} patches; expected (B, D, "
            f"{grid[0]}, {grid[1]}) or (B, {tokens}, D), as for the pictures that it was tried with"
        )
    patches = tensor[:, prefix.tokens :].transpose(1, 2).unflatten(2, grid)  # (B, D, h, w)
    return patches, tensor[:, 0] if prefix.class_token else None
