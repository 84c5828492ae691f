"""How the settings of an earlier run and of this one differ, across versions of the code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

NOT_RECORDED = "not recorded"
"""Stands for the value of a setting that one of two records does not have."""


def settings_difference(
    before: Mapping[str, Any], now: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Compare the settings of two runs, of which one may be by an older or a newer version.

    A setting that one of them does not have counts as its default: the run was made before the
    setting was, so as the default does it. One without a known default counts as a difference.

    Args:
        before: recorded settings: values, or groups (dicts) of values.
        now: the same of this run.
        defaults: the groups whose defaults are known.

    Returns:
        What differs by name: (before, now); of a group, dicts of those settings that differ.
    """
    before, now, defaults = (json.loads(json.dumps(side)) for side in (before, now, defaults))
    changed: dict[str, tuple[Any, Any]] = {}
    for name in sorted({*before, *now}):
        known = defaults.get(name)
        old, new = (side.get(name, known or NOT_RECORDED) for side in (before, now))
        if isinstance(old, dict) and isinstance(new, dict):
            old, new = _group_difference(old, new, known or {})
        if old != new:
            changed[name] = (old, new)
    return changed


def _group_difference(
    before: dict[str, Any], now: dict[str, Any], defaults: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both groups with those settings alone that differ."""

    def value(side: dict[str, Any], key: str) -> Any:
        return side.get(key, defaults.get(key, NOT_RECORDED))

    keys = [key for key in {**before, **now} if value(before, key) != value(now, key)]
    return {k: value(before, k) for k in keys}, {k: value(now, k) for k in keys}
