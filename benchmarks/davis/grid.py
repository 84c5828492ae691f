"""The combinations of propagation settings that a sweep runs, and their table."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import islice, product
from typing import Any

from vos.errors import InputError
from vos.propagation.config import PropagationConfig

Point = dict[str, Any]
"""Values of the fields that the grid varies."""


def parse_grid(specs: Sequence[str]) -> list[Point]:
    """Return all combinations of `name=value,value` specifications, the last name fastest.

    Raises:
        InputError: no such field, a value that is not of its kind, or a field given twice.
    """
    known = typing.get_type_hints(PropagationConfig)
    choices: dict[str, list[Any]] = {}
    for spec in specs:
        name, equals, values = spec.partition("=")
        name = name.strip().replace("-", "_")
        if name not in known or not equals:
            names = ", ".join(f.name for f in fields(PropagationConfig))
            raise InputError(f"{spec!r}: expected NAME=VALUE,VALUE with a NAME of {names}")
        if name in choices:
            raise InputError(f"{name} is given twice; give all its values at once")
        parsed = [_value(name, text.strip(), known[name]) for text in values.split(",")]
        choices[name] = list(dict.fromkeys(parsed))
    if not choices:
        raise InputError("no grid was given; give --grid topk=5,10 temperature=0.05,0.1")
    points = [dict(zip(choices, point, strict=True)) for point in product(*choices.values())]
    for point in points:
        replace(PropagationConfig(), **point)  # says which number is out of its range
    return points


def _value(name: str, text: str, kind: Any) -> Any:
    words = {"true": True, "false": False}
    if isinstance(kind, types.UnionType):  # int | float: a whole number stays one
        kind = int if text.lstrip("-").isdecimal() else float
    options = typing.get_args(kind) or (tuple(words) if kind is bool else ())
    if options:
        if text.lower() not in options:
            raise InputError(f"{name}={text}: expected one of {', '.join(options)}")
        return words[text.lower()] if kind is bool else text.lower()
    try:
        return kind(text)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise InputError(f"{name}={text}: expected {expected}") from None


def label(point: Point) -> str:
    """Return the name of a combination's folder."""
    return ",".join(f"{name}={value}" for name, value in point.items())


def table_lines(rows: list[dict[str, Any]], limit: int = 30) -> list[str]:
    """Return the combinations as lines of text, the first `limit` of them."""
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in islice(rows, limit))]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    lines = [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in cells
    ]
    if len(rows) > limit:
        lines.append(f"and {len(rows) - limit} more")
    return lines


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
