"""What the state of a project may hold: its keys, and the values under them.

Whatever comes from a journal may be by somebody else, so every key and value is checked here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from vos.errors import InputError
from vos.masks.ids import MAX_ID

MAX_FRAME = 1 << 40
"""The largest frame number."""
MAX_NAME = 100
"""The most characters of an object's name."""
DIGEST_LENGTH = 40
"""Hexadecimal digits of a mask's digest."""
_MOST_ITEMS = 10_000
_MOST_POINTS = 100_000
_FARTHEST = 1_000_000  # pixels; strokes may end outside of the frame
_MOST_RANGES = 100_000
_MOST_PIXELS = 1 << 40
_LONGEST_KEY = 300
_NUMBER = r"(0|[1-9][0-9]{0,12})"
_KEY = re.compile(
    rf"(?:(settings)|(objects|removed|frames|checked)/{_NUMBER}|(prompts)/{_NUMBER}/{_NUMBER})"
)
_ORIGINS = ("prompt", "propagation", "edit", "import")

Value = Any
"""A value of JSON: None, bool, int, float, str, list or dict."""


def parsed_key(key: object) -> tuple[str, tuple[int, ...]]:
    """Return the kind and the numbers of a key: "prompts/12/3" is ("prompts", (12, 3)).

    Raises:
        InputError: it is no key of a state, or a number is out of its range.
    """
    match = _KEY.fullmatch(key) if isinstance(key, str) else None
    if match is None:
        raise InputError(f"{_shown(key)} is no key of a project's state")
    if match[1]:
        return "settings", ()
    kind, numbers = (match[2], (match[3],)) if match[2] else (match[4], (match[5], match[6]))
    values = tuple(map(int, numbers))
    is_object = kind in ("objects", "removed")
    if not is_object:
        check_frame(values[0])
    if is_object or kind == "prompts":
        check_object_id(values[-1])
    return kind, values


def checked_entry(key: object, value: Value) -> Value:
    """Return a value of the state, with what may be left out filled in.

    Raises:
        InputError: the key or the value is none of a project's state.
    """
    kind, _ = parsed_key(key)
    try:
        return _CHECKS[kind](value)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def check_frame(number: object) -> int:
    """Return a frame number.

    Raises:
        InputError: it is none.
    """
    return _integer(number, "frame", 0, MAX_FRAME)


def check_object_id(number: object) -> int:
    """Return an object id.

    Raises:
        InputError: it is none.
    """
    return _integer(number, "object", 1, MAX_ID)


def check_digest(digest: object) -> str:
    """Return a mask's digest.

    Raises:
        InputError: it is none.
    """
    if isinstance(digest, str) and re.fullmatch(rf"[0-9a-f]{{{DIGEST_LENGTH}}}", digest):
        return digest
    raise InputError(f"{_shown(digest)} is no digest of a mask")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _integer(value: object, what: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise InputError(f"{what} {_shown(value)}: expected a whole number from {low} to {high}")
    return value


def _real(value: object, what: str, low: float, high: float) -> float:
    if type(value) not in (int, float) or not low <= value <= high:  # type: ignore[operator]
        raise InputError(f"{what} {_shown(value)}: expected a number from {low} to {high}")
    if not math.isfinite(value):  # type: ignore[arg-type]
        raise InputError(f"{what}: expected a finite number")
    return value  # type: ignore[return-value]


def _flag(value: object, what: str) -> bool:
    if type(value) is not bool:
        raise InputError(f"{what} {_shown(value)}: expected true or false")
    return value


def _fields(value: Value, what: str, required: set[str], optional: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not required <= set(value) <= required | optional:
        names = ", ".join(sorted(required | optional))
        raise InputError(f"{what} {_shown(value)}: expected the fields {names}")
    return value


def _list(value: Value, what: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InputError(f"{what}: expected a list of at most {most}")
    return value


def _one_of(value: object, what: str, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{what} {_shown(value)}: expected {' or '.join(choices)}")
    return value


def _settings(value: Value) -> Value:
    _fields(value, "settings", {"mode", "direction"}, set())
    _one_of(value["mode"], "mode", ("adaptive", "protocol"))
    _one_of(value["direction"], "direction", ("both", "forward"))
    return value


def _object(value: Value) -> Value:
    _fields(value, "an object", {"name", "color"}, {"hidden", "locked"})
    name = value["name"]
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise InputError(f"name {_shown(name)}: expected 1 to {MAX_NAME} characters of one line")
    if not name.strip():
        raise InputError("the name is empty")
    color = _list(value["color"], "color", 3)
    if len(color) != 3:
        raise InputError(f"color {_shown(color)}: expected red, green and blue, 0 to 255")
    for level in color:
        _integer(level, "color", 0, 255)
    flags = {name: _flag(value.get(name, False), name) for name in ("hidden", "locked")}
    return {"name": name, "color": color, **flags}


def _prompt(value: Value) -> Value:
    _fields(value, "a prompt", {"items", "mask"}, {"base", "order"})
    for item in _list(value["items"], "items", _MOST_ITEMS):
        check_item(item)
    if value.get("base") is not None:
        check_digest(value["base"])
    check_digest(value["mask"])
    order = _integer(value.get("order", 0), "order", 0, MAX_ID)
    checked = {"items": value["items"], "base": value.get("base"), "mask": value["mask"]}
    return checked if not order else {**checked, "order": order}


def check_item(item: Value) -> Value:
    """Return an item of a prompt: a click, box, stroke, polygon or mask.

    Raises:
        InputError: it is none.
    """
    kind = item.get("type") if isinstance(item, dict) else None
    names = _ITEM_FIELDS.get(kind) if isinstance(kind, str) else None
    if names is None:
        raise InputError(f"item {_shown(item)}: expected a {', '.join(_ITEM_FIELDS)}")
    _fields(item, f"a {kind}", {"type", *names}, set())
    for name in ("x", "y", "left", "top", "right", "bottom"):
        if name in names:
            _integer(item[name], name, -_FARTHEST, _FARTHEST)
    if "positive" in names:
        _flag(item["positive"], "positive")
    if kind == "box" and not (item["left"] < item["right"] and item["top"] < item["bottom"]):
        raise InputError("the box is empty: right and bottom lie behind left and top")
    if kind == "stroke":
        _real(item["radius"], "radius", 0, _FARTHEST)
    if kind == "mask":
        check_digest(item["mask"])
    if "points" in names:
        _points(item["points"], 3 if kind == "polygon" else 1)
    return item


_ITEM_FIELDS = {
    "click": ("x", "y", "positive"),
    "box": ("left", "top", "right", "bottom"),
    "stroke": ("points", "radius", "positive"),
    "polygon": ("points", "positive"),
    "mask": ("mask",),
}


def _points(value: Value, least: int) -> None:
    points = _list(value, "points", _MOST_POINTS)
    if len(points) < least:
        raise InputError(f"{len(points)} points; expected at least {least}")
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise InputError(f"point {_shown(point)}: expected x and y")
        for place in point:
            _real(place, "point", -_FARTHEST, _FARTHEST)


def _frame(value: Value) -> Value:
    optional = {"areas", "confidence", "key", "provisional", "under", "composed"}
    _fields(value, "a frame", {"mask", "origin"}, optional)
    if value.get("composed") is not None:
        check_digest(value["composed"])
    if value.get("under") is not None:  # what lies under the prompts, with nothing under it
        if not isinstance(value["under"], dict) or value["under"].get("under") is not None:
            raise InputError(f"under {_shown(value['under'])}: expected a frame")
        _frame(value["under"])
    check_digest(value["mask"])
    _one_of(value["origin"], "origin", _ORIGINS)
    key = value.get("key")
    if key is not None and not (isinstance(key, str) and len(key) <= _LONGEST_KEY):
        raise InputError(f"key {_shown(key)}: expected a short text")
    areas, confidence = value.get("areas", {}), value.get("confidence", {})
    for name, table in (("areas", areas), ("confidence", confidence)):
        if not isinstance(table, dict):
            raise InputError(f"{name} {_shown(table)}: expected values by object")
        for object_id in table:
            parsed_key(f"objects/{object_id}")
    for area in areas.values():
        _integer(area, "area", 0, _MOST_PIXELS)
    for number in confidence.values():
        _real(number, "confidence", 0, 1)
    checked = {**value, "areas": areas, "confidence": confidence, "key": key}
    if not _flag(checked.pop("provisional", False), "provisional"):
        return checked
    return {**checked, "provisional": True}


def _checked(value: Value) -> Value:
    if value is not True:
        raise InputError(f"{_shown(value)}: expected true")
    return value


def _ranges(value: Value) -> Value:
    for pair in _list(value, "ranges", _MOST_RANGES):
        if not isinstance(pair, list) or len(pair) != 2:
            raise InputError(f"range {_shown(pair)}: expected the first and the last frame")
        if check_frame(pair[0]) > check_frame(pair[1]):
            raise InputError(f"range {_shown(pair)} ends before it starts")
    return value


_CHECKS: Mapping[str, Callable[[Value], Value]] = {
    "settings": _settings,
    "objects": _object,
    "prompts": _prompt,
    "frames": _frame,
    "checked": _checked,
    "removed": _ranges,
}


def objects_named(kind: str, numbers: tuple[int, ...], value: Value) -> set[str]:
    """Return the objects' ids, as texts, that an entry of a state speaks of."""
    if kind == "frames":
        return {*value["areas"], *value["confidence"]}
    return {str(numbers[-1])} if kind in ("prompts", "removed") else set()


def digests_of(key: str, value: Value) -> list[str]:
    """Return the digests of the masks that an entry of a state names."""
    kind = key.partition("/")[0]
    if value is None or kind not in ("frames", "prompts"):
        return []
    items = (item["mask"] for item in value.get("items", ()) if item["type"] == "mask")
    base, under = value.get("base"), value.get("under")
    others = [base] if base else [under["mask"]] if under else []
    return [value["mask"], *items, *others]
