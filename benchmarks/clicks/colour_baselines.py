"""Masks from clicks by colour alone: a graph cut and a random walk, from public packages.

Both are slow on whole frames, so they may see smaller ones; their masks come back at full size.

Shapes: H W pixels of the frame.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.interactive.prompts import Click

_RADIUS = 2
"""Pixels around a click, of what the method sees, that take its label."""
_CUT_ROUNDS = 3
_BETA = 1300.0
"""How fast the random walker's edges weaken with colour. Of 30, 130 (its own), 400, 1300 and 4000,
this takes the fewest clicks on frames of DAVIS's train set: about one less than its own."""
BASELINE_SETTINGS = {"radius": _RADIUS, "cut_rounds": _CUT_ROUNDS, "beta": _BETA}
"""What a run records of them; radius and rounds were chosen on the same frames."""
EARLIER_SETTINGS = {**BASELINE_SETTINGS, "beta": 130.0}
"""Those of runs that did not record any."""


class ColourBaseline(ABC):
    """A method that gets clicks and the frame, and nothing else.

    Args:
        frame: RGB uint8 (H, W, 3).
        short_side: pixels of the shorter side that it sees; 0 for the frame's own.
    """

    name: ClassVar[str]

    def __init__(self, frame: NDArray[np.uint8], short_side: int) -> None:
        height, width = frame.shape[:2]
        self._size = (width, height)
        share = min(1.0, (short_side or min(height, width)) / min(height, width))
        size = (max(1, round(width * share)), max(1, round(height * share)))
        self._seen = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)

    def mask(self, clicks: Sequence[Click]) -> NDArray[np.bool_]:
        """Return the mask (H, W) bool; of positive clicks alone it may be the whole frame."""
        seeds = np.zeros(self._seen.shape[:2], np.uint8)  # 1: the object's, 2: not
        down, across = seeds.shape[0] / self._size[1], seeds.shape[1] / self._size[0]
        for click in clicks:
            place = (int((click.x + 0.5) * across), int((click.y + 0.5) * down))
            cv2.circle(seeds, place, _RADIUS, 1 if click.positive else 2, -1)
        small = self._segment(seeds).astype(np.float32)
        large = cv2.resize(small, self._size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(large > 0.5, np.bool_)

    @abstractmethod
    def _segment(self, seeds: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return the mask of what it sees, from seeds of the same size."""


class GrabCut(ColourBaseline):
    """`cv2.grabCut`: clicks are sure; other pixels begin as the nearest click says.

    Of positive clicks alone, pixels further than an eighth of the shorter side begin as background.
    To begin with all of them as background takes more clicks.
    """

    name = "cv2.grabCut on colours"

    def _segment(self, seeds: NDArray[np.uint8]) -> NDArray[np.bool_]:
        if not (seeds == 1).any():
            return np.zeros(seeds.shape, np.bool_)
        surplus = np.full(seeds.shape, min(seeds.shape) / 8, np.float32)
        if (seeds == 2).any():
            surplus = _distances(seeds == 2)
        near = _distances(seeds == 1) < surplus
        states = np.where(near, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        states[seeds == 1] = cv2.GC_FGD
        states[seeds == 2] = cv2.GC_BGD
        if not (states == cv2.GC_BGD).any() and near.all():
            return near
        cv2.setRNGSeed(0)
        models = (np.zeros((1, 65)), np.zeros((1, 65)))
        rectangle = (0, 0, 1, 1)  # not looked at in this mode
        cv2.grabCut(self._seen, states, rectangle, *models, _CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
        return np.asarray((states == cv2.GC_FGD) | (states == cv2.GC_PR_FGD))


def _distances(places: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return each pixel's distance to the nearest of the places, of which there is one or more."""
    away = cv2.distanceTransform((~places).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away, np.float32)


class RandomWalker(ColourBaseline):
    """`skimage.segmentation.random_walker`."""

    name = "random walker on colours"

    def _segment(self, seeds: NDArray[np.uint8]) -> NDArray[np.bool_]:
        from skimage.segmentation import random_walker

        signs = set(np.unique(seeds)) - {0}
        if len(signs) < 2:  # with one label alone a walk can end nowhere else
            return np.full(seeds.shape, signs == {1})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on faster solvers
            labels = random_walker(
                self._seen, seeds.astype(int), beta=_BETA, mode="bf", channel_axis=-1
            )
        return np.asarray(labels == 1)


BASELINES: tuple[type[ColourBaseline], ...] = (GrabCut, RandomWalker)
