"""What a user draws on a frame to say where an object is: clicks, strokes, a box.

Shapes: H W pixels of the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError


@dataclass(frozen=True)
class Click:
    """A pixel that is the object's, or is not."""

    x: int
    """Column, from 0 at the left."""
    y: int
    """Row, from 0 at the top."""
    positive: bool = True
    """Whether the pixel is the object's."""


@dataclass(frozen=True, eq=False)
class Stroke:
    """Pixels of a brush (positive) or of an eraser (negative)."""

    pixels: NDArray[np.bool_]
    """(H, W) bool."""
    positive: bool = True
    """Whether the pixels are the object's."""


@dataclass(frozen=True)
class Box:
    """A rectangle that the object lies in; what is outside is not the object's."""

    left: int
    top: int
    right: int
    """First column that is no longer in the box."""
    bottom: int
    """First row that is no longer in the box."""


Prompt = Click | Stroke | Box


def drawn_pixels(prompts: Sequence[Prompt], height: int, width: int) -> NDArray[np.int8]:
    """Return what clicks and strokes say of each pixel; a later one overrules an earlier one.

    Returns:
        (H, W) int8: 1 the object's, -1 not the object's, 0 nothing drawn.

    Raises:
        InputError: a prompt does not fit the frame.
    """
    drawn = np.zeros((height, width), np.int8)
    for prompt in prompts:
        if isinstance(prompt, Click):
            if not (0 <= prompt.x < width and 0 <= prompt.y < height):
                raise InputError(
                    f"a click is at x {prompt.x}, y {prompt.y}; expected a pixel of the frame: "
                    f"x from 0 to {width - 1}, y from 0 to {height - 1}"
                )
            drawn[int(prompt.y), int(prompt.x)] = 1 if prompt.positive else -1
        elif isinstance(prompt, Stroke):
            drawn[_stroke_pixels(prompt, height, width)] = 1 if prompt.positive else -1
    return drawn


def _stroke_pixels(stroke: Stroke, height: int, width: int) -> NDArray[np.bool_]:
    pixels = np.asarray(stroke.pixels)
    if pixels.shape != (height, width) or pixels.dtype != np.bool_:
        raise InputError(
            f"a stroke's pixels are {pixels.dtype} of shape {pixels.shape}; expected bool of the "
            f"frame's shape ({height}, {width})"
        )
    return pixels


def box_pixels(prompts: Sequence[Prompt], height: int, width: int) -> NDArray[np.bool_] | None:
    """Return the pixels (H, W) bool of the last box; None where there is none.

    Raises:
        InputError: the box holds no pixel of the frame.
    """
    boxes = [prompt for prompt in prompts if isinstance(prompt, Box)]
    if not boxes:
        return None
    box = boxes[-1]
    inside = np.zeros((height, width), np.bool_)
    inside[max(0, box.top) : max(0, box.bottom), max(0, box.left) : max(0, box.right)] = True
    if not inside.any():
        raise InputError(
            f"the box from x {box.left} to {box.right} and y {box.top} to {box.bottom} holds no "
            f"pixel of the frame of {width}x{height}; give left < right and top < bottom"
        )
    return inside
