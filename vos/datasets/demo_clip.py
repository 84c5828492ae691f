"""A short clip made on the spot, with true masks: cut-outs of photographs moving over grass.

The photographs are public domain or CC0 and come inside scikit-image: an astronaut (NASA), a cup
of coffee (R. Michetti), a cat (S. van der Walt), grass.

Shapes: H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

HEIGHT = 480
WIDTH = 854
FRAMES = 48
_GREEN = (0.55, 0.85, 0.40)  # the photograph of the grass is gray
_SHADE = 0.75


_ASTRONAUT = (
    (154, 77), (160, 38), (192, 15), (243, 13), (288, 32), (301, 77), (284, 122), (262, 141),
    (262, 173), (297, 205), (307, 243), (346, 269), (358, 333), (335, 352), (288, 397), (279, 442),
    (284, 509), (26, 509), (19, 435), (28, 358), (51, 256), (115, 211), (118, 173), (147, 150),
    (179, 147), (177, 122), (156, 109),
)  # fmt: skip
"""Outline of the person in the photograph, in its pixels (x, y)."""


@dataclass(frozen=True)
class _CutOut:
    """A picture (H, W, 3) uint8 and its opacity (H, W) float32, its middle at the origin."""

    picture: np.ndarray
    opacity: np.ndarray

    def place(self, x: float, y: float, scale: float, degrees: float) -> tuple[np.ndarray, ...]:
        """Return picture (HEIGHT, WIDTH, 3) and opacity (HEIGHT, WIDTH), turned and put there."""
        height, width = self.opacity.shape
        move = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
        move[:, 2] += (x - width / 2, y - height / 2)
        picture = cv2.warpAffine(self.picture, move, (WIDTH, HEIGHT), flags=cv2.INTER_AREA)
        return picture, cv2.warpAffine(self.opacity, move, (WIDTH, HEIGHT))


def demo_frames() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Make the clip, the same on every call.

    Three objects move, turn and grow or shrink; the cat (3) passes behind the coffee (2).

    Yields:
        Frames, RGB uint8 (480, 854, 3), and their true masks, uint8 (480, 854) with ids 1 to 3.
    """
    ground, astronaut, coffee, cat = _photographs()
    for number in range(FRAMES):
        t = number / (FRAMES - 1)
        frame = ground[round(40 * t) :, round(60 * t) :][:HEIGHT, :WIDTH].astype(np.float32)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        wave = np.sin(2 * np.pi * t)
        placed = (  # from the back to the front
            (3, cat.place(780 - 560 * t, 190 + 60 * wave, 0.55 + 0.15 * t, 12 * wave)),
            (2, coffee.place(430 + 50 * wave, 250, 0.50 + 0.08 * wave, -25 * t)),
            (1, astronaut.place(150 + 110 * t, 300 - 40 * wave, 0.55 - 0.13 * t, 20 * wave)),
        )
        for object_id, (picture, opacity) in placed:
            frame += (picture - frame) * opacity[..., None]
            mask[opacity > 0.5] = object_id
        yield frame.round().astype(np.uint8), mask


def _photographs() -> tuple[np.ndarray, _CutOut, _CutOut, _CutOut]:
    from skimage import data

    gray = data.grass().astype(np.float32)
    tile = (gray[..., None] * np.array(_GREEN, np.float32) * _SHADE).clip(0, 255).astype(np.uint8)
    ground = cv2.resize(tile, None, fx=1.9, fy=1.9, interpolation=cv2.INTER_CUBIC)
    person = data.astronaut()
    outline = np.zeros(person.shape[:2], np.uint8)
    cv2.fillPoly(outline, [np.array(_ASTRONAUT, np.int32)], 255)
    cup = data.coffee()
    round_cup = np.zeros(cup.shape[:2], np.uint8)
    cv2.ellipse(round_cup, (278, 225), (202, 160), 3, 0, 360, 255, -1)
    cv2.ellipse(round_cup, (292, 110), (118, 93), 0, 0, 360, 255, -1)
    face = data.chelsea()
    oval = np.zeros(face.shape[:2], np.uint8)
    cv2.ellipse(oval, (205, 150), (150, 138), 0, 0, 360, 255, -1)
    return ground, _cut(person, outline), _cut(cup, round_cup), _cut(face, oval)


def _cut(picture: np.ndarray, outline: np.ndarray) -> _CutOut:
    """Cut a picture along its outline (uint8, 255 inside), with soft edges."""
    ys, xs = outline.any(1).nonzero()[0], outline.any(0).nonzero()[0]
    box = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
    margin = (8, 8, 8, 8)
    soft = cv2.copyMakeBorder(outline[box], *margin, cv2.BORDER_CONSTANT)
    opacity = cv2.GaussianBlur(soft, (0, 0), 1.2).astype(np.float32) / 255
    return _CutOut(cv2.copyMakeBorder(picture[box], *margin, cv2.BORDER_REPLICATE), opacity)
