"""Values of JSON: copied, and made of what callers give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def copied(value: Any) -> Any:
    """Return a copy of a value of JSON that shares no list or dict with it."""
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}
    if isinstance(value, list):
        return [copied(one) for one in value]
    return value


def plain(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes as JSON gives them back: tuples are lists, NumPy's numbers numbers.

    Raises:
        TypeError: something is no value of JSON.
        ValueError: a number is not finite.
    """
    return {key: json.loads(json.dumps(value, default=_number, allow_nan=False))
            for key, value in changes.items()}  # fmt: skip


def _number(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no value of JSON")
