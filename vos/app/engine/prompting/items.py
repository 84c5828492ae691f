"""What a user draws on a frame, checked, and as prompts of `vos.interactive`.

Shapes: H W pixels of the frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.interactive.prompts import Box, Click, Prompt, Stroke, drawn_pixels

Mask = NDArray[np.bool_]
Item = Mapping[str, Any]
_SHIFT = 4
"""Bits behind the point of places that OpenCV draws at."""
_MOST_ITEMS, _MOST_POINTS = 2000, 20000
_FARTHEST = 100_000


@dataclass(frozen=True)
class Drawing:
    """All that an object's items say of a frame."""

    base: Mask | None
    """(H, W), the mask that the rest corrects; None where there is none."""
    prompts: tuple[Click | Box, ...]
    """What the mask is found from, in the order of drawing."""
    painted: NDArray[np.int8]
    """(H, W), what was drawn by hand: 1 the object's, -1 not the object's, 0 nothing."""

    def with_paint(self, mask: Mask) -> Mask:
        """Return a mask (H, W) with what was drawn by hand over it, to the pixel."""
        return np.asarray((mask | (self.painted > 0)) & (self.painted >= 0), np.bool_)


def checked_item(item: Any, size: tuple[int, int]) -> dict[str, Any]:
    """Return an item with the fields of its type alone.

    Args:
        item: what the page sent.
        size: H and W of the frame.

    Raises:
        InputError: it is no item, or lies outside of the frame.
    """
    kind = item.get("type") if isinstance(item, Mapping) else None
    check = _CHECKS.get(kind) if isinstance(kind, str) else None
    if check is None:
        raise InputError(f"an item has the type {kind!r}; expected one of {', '.join(_CHECKS)}")
    return {"type": kind, **check(item, size)}


def drawing_of(
    items: Sequence[Item],
    base: Mask | None,
    size: tuple[int, int],
    mask: Callable[[str], NDArray[np.uint8]],
) -> Drawing:
    """Turn checked items into prompts and paint.

    A mask takes the place of all that was drawn before it. Clicks and the box say where the object
    is. Strokes and outlines are paint: they add or take away what they cover and no more, and no
    click elsewhere changes that.

    Args:
        items: in the order they were drawn.
        base: (H, W), the object's mask before the first of them.
        size: H and W of the frame.
        mask: gives a mask (H, W) by its digest.
    """
    prompts: list[Click | Box] = []
    paint: list[Prompt] = []
    for item in items:
        match item["type"]:
            case "mask":
                base, prompts, paint = mask(item["mask"]) > 0, [], []
            case "click":
                prompts.append(Click(item["x"], item["y"], item["positive"]))
                paint.append(prompts[-1])
            case "box":
                sides = (item[name] for name in ("left", "top", "right", "bottom"))
                prompts.append(Box(*sides))
            case "stroke":
                paint.append(Stroke(stroke_pixels(item, size), item["positive"]))
            case "polygon":
                paint.append(Stroke(polygon_pixels(item, size), item["positive"]))
    return Drawing(base, tuple(prompts), drawn_pixels(paint, *size))


def stroke_pixels(item: Item, size: tuple[int, int]) -> Mask:
    """Return the pixels (H, W) of a brush that went along points, with round ends."""
    canvas = np.zeros(size, np.uint8)
    points = [(round(x * 16), round(y * 16)) for x, y in item["points"]]
    radius, white = float(item["radius"]), (1,)
    for place in points:
        cv2.circle(canvas, place, round(radius * 16), white, -1, cv2.LINE_8, _SHIFT)
    thickness = max(1, round(2 * radius))
    for start, end in pairwise(points):
        cv2.line(canvas, start, end, white, thickness, cv2.LINE_8, _SHIFT)
    return canvas > 0


def polygon_pixels(item: Item, size: tuple[int, int]) -> Mask:
    """Return the pixels (H, W) of a polygon, its outline among them."""
    canvas = np.zeros(size, np.uint8)
    points = np.array([[(round(x * 16), round(y * 16)) for x, y in item["points"]]], np.int32)
    cv2.fillPoly(canvas, list(points), (1,), cv2.LINE_8, _SHIFT)
    return canvas > 0


def _whole(item: Item, name: str) -> int:
    value = item.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or abs(value) > _FARTHEST:
        raise InputError(f"{item['type']}: {name} is {value!r}; expected a pixel's whole number")
    return value


def _number(value: Any, what: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > _FARTHEST:
        raise InputError(f"{what} is {value!r}; expected a number of pixels")
    return float(value)


def _positive(item: Item) -> bool:
    value = item.get("positive", True)
    if type(value) is not bool:
        raise InputError(f"{item['type']}: positive is {value!r}; expected true or false")
    return value


def _click(item: Item, size: tuple[int, int]) -> dict[str, Any]:
    x, y = _whole(item, "x"), _whole(item, "y")
    if not (0 <= x < size[1] and 0 <= y < size[0]):
        raise InputError(
            f"a click is at x {x}, y {y}; expected a pixel of the frame: x from 0 to "
            f"{size[1] - 1}, y from 0 to {size[0] - 1}"
        )
    return {"x": x, "y": y, "positive": _positive(item)}


def _box(item: Item, size: tuple[int, int]) -> dict[str, Any]:
    left, top = max(0, _whole(item, "left")), max(0, _whole(item, "top"))
    right, bottom = min(size[1], _whole(item, "right")), min(size[0], _whole(item, "bottom"))
    if left >= right or top >= bottom:
        raise InputError("the box holds no pixel of the frame; draw it over the object")
    return {"left": left, "top": top, "right": right, "bottom": bottom}


def _points(item: Item, least: int) -> list[list[float]]:
    points = item.get("points")
    if not isinstance(points, Sequence) or not least <= len(points) <= _MOST_POINTS:
        raise InputError(f"{item['type']}: expected {least} to {_MOST_POINTS} points")
    checked = []
    for point in points:
        if not isinstance(point, Sequence) or isinstance(point, str) or len(point) != 2:
            raise InputError(f"{item['type']}: a point is {point!r}; expected [x, y]")
        checked.append([_number(place, f"{item['type']}: a point") for place in point])
    return checked


def _stroke(item: Item, size: tuple[int, int]) -> dict[str, Any]:
    radius = _number(item.get("radius"), "stroke: the radius")
    if not 0 < radius <= max(size):
        raise InputError(f"stroke: the radius is {radius}; expected above 0, up to {max(size)}")
    stroke = {"points": _points(item, 1), "radius": radius, "positive": _positive(item)}
    return _on_the_frame(stroke, stroke_pixels(stroke, size), "stroke")


def _polygon(item: Item, size: tuple[int, int]) -> dict[str, Any]:
    polygon = {"points": _points(item, 3), "positive": _positive(item)}
    return _on_the_frame(polygon, polygon_pixels(polygon, size), "polygon")


def _on_the_frame(item: dict[str, Any], pixels: Mask, kind: str) -> dict[str, Any]:
    if not pixels.any():
        raise InputError(f"the {kind} holds no pixel of the frame; draw it over the object")
    return item


def _mask(item: Item, size: tuple[int, int]) -> dict[str, Any]:
    del size
    digest = item.get("mask")
    if not isinstance(digest, str):
        raise InputError(f"mask: {digest!r} is no mask's digest")
    return {"mask": digest}


_CHECKS: dict[str, Callable[[Item, tuple[int, int]], dict[str, Any]]] = {
    "click": _click,
    "box": _box,
    "stroke": _stroke,
    "polygon": _polygon,
    "mask": _mask,
}


def check_count(items: Sequence[Item]) -> None:
    """Refuse more items than one prompt takes.

    Raises:
        InputError: there are more.
    """
    if len(items) >= _MOST_ITEMS:
        raise InputError(f"this prompt has {len(items)} items already; clear some of them first")
