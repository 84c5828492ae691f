"""Which of a run's options a stopped run and the one that goes on with it must share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def later_options(settings: DataclassInstance, known: Collection[str]) -> dict[str, Any]:
    """Return the options outside `known` whose values are not their defaults, by name.

    What identifies a run is made of the options that version 0.1 counted, in its form, and of
    these. An option that is added later and left at its default so leaves runs of earlier versions
    able to go on, and no option is left out of account because nobody listed it.

    Args:
        settings: a dataclass of options.
        known: fields that version 0.1 had, whether they count or not.

    Returns:
        Values in the order of their names; those without a default are always among them.
    """
    values = {
        field.name: (getattr(settings, field.name), _default(field))
        for field in sorted(fields(settings), key=lambda field: field.name)
        if field.name not in known
    }
    return {name: value for name, (value, default) in values.items() if value != default}


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
