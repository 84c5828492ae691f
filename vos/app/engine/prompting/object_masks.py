"""An object's mask from what was drawn on a frame: at once from colours, then from features.

Shapes: H W pixels of the frame.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.app.engine.prompting.items import Drawing, Item, Mask, drawing_of
from vos.interactive.click_segmenter import ClickSegmenter
from vos.interactive.prompts import Box, Click, box_pixels
from vos.interactive.settings import ClickSettings

_QUICK_SIDE = 240
"""Pixels of the shorter side of the picture that a mask from colours alone is made on."""
_QUICK = ClickSettings(short_nodes=60, rounds=2, band=2)
_KEPT_MASKS = 64


class ObjectMasks:
    """The masks of objects on frames; those made lately are kept. One thread at a time.

    Args:
        image: gives a frame's picture, RGB uint8 (H, W, 3).
        features: gives a frame's features (D, h, w) where they are there already.
        mask: gives a mask (H, W) by its digest.
        segmenters: frames that are kept ready for clicks.
    """

    def __init__(
        self,
        image: Callable[[int], NDArray[np.uint8]],
        features: Callable[[int], Tensor | None],
        mask: Callable[[str], NDArray[np.uint8]],
        segmenters: int,
    ) -> None:
        self._image = image
        self._features = features
        self._mask = mask
        self._most = segmenters
        self._segmenters: OrderedDict[int, ClickSegmenter] = OrderedDict()
        self._quick: OrderedDict[int, ClickSegmenter] = OrderedDict()
        self._masks: OrderedDict[tuple[int, bool, str], NDArray[np.uint8]] = OrderedDict()

    def mask(self, frame: int, items: list[Item], base: str | None) -> tuple[Mask, bool]:
        """Return an object's mask and whether it is the final one.

        Args:
            frame: number of the frame.
            items: what was drawn, checked.
            base: digest of the object's mask before that.

        Raises:
            InputError: the frame cannot be read.
        """
        size = self._image(frame).shape[:2]
        final = self._is_ready(frame)
        key = (frame, final, json.dumps([items, base]))
        if key in self._masks:
            self._masks.move_to_end(key)
            packed = self._masks[key]
            return np.unpackbits(packed, count=size[0] * size[1]).reshape(size) > 0, final
        start = None if base is None else self._mask(base) > 0
        drawing = drawing_of(items, start, size, self._mask)
        if not drawing.prompts:
            found = np.zeros(size, np.bool_) if drawing.base is None else drawing.base
            return drawing.with_paint(found), True
        mask = self._final(frame, drawing) if final else self._provisional(frame, drawing)
        mask = drawing.with_paint(mask)
        self._masks[key] = np.packbits(mask)
        while len(self._masks) > _KEPT_MASKS:
            self._masks.popitem(last=False)
        return mask, final

    def prepare(self, frame: int) -> None:
        """Make a frame whose features are there ready for clicks, so that the first one is fast."""
        if frame not in self._segmenters and self._features(frame) is not None:
            segmenter = ClickSegmenter(self._image(frame), features=self._features(frame))
            self._keep(self._segmenters, frame, segmenter)

    def forget(self) -> None:
        """Free what can be computed again."""
        self._segmenters.clear()
        self._quick.clear()
        self._masks.clear()

    def _is_ready(self, frame: int) -> bool:
        return frame in self._segmenters or self._features(frame) is not None

    def _final(self, frame: int, drawing: Drawing) -> Mask:
        self.prepare(frame)
        self._segmenters.move_to_end(frame)
        return self._segmenters[frame].mask(drawing.prompts, base=drawing.base)

    def _provisional(self, frame: int, drawing: Drawing) -> Mask:
        """Return the mask of a reduced picture, with colours for features."""
        image = self._image(frame)
        height, width = image.shape[:2]
        share = min(1.0, _QUICK_SIDE / min(height, width))
        size = (max(2, round(height * share)), max(2, round(width * share)))
        segmenter = self._quick.get(frame)
        if segmenter is None:
            small = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
            lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
            colours = torch.from_numpy(np.ascontiguousarray(lab.transpose(2, 0, 1)))
            segmenter = ClickSegmenter(
                np.asarray(small, np.uint8), features=colours, settings=_QUICK
            )
        self._keep(self._quick, frame, segmenter)
        base = None if drawing.base is None else _reduced(drawing.base, size)
        prompts = [_reduced_prompt(p, (height, width), size) for p in drawing.prompts]
        mask = segmenter.mask(prompts, base=base)
        large = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        box = box_pixels(drawing.prompts, height, width)
        inside = (large > 0.5) if box is None else (large > 0.5) & box
        return np.asarray(inside, np.bool_)

    def _keep(
        self, kept: OrderedDict[int, ClickSegmenter], frame: int, segmenter: ClickSegmenter
    ) -> None:
        kept[frame] = segmenter
        kept.move_to_end(frame)
        while len(kept) > self._most:
            kept.popitem(last=False)


def _reduced(mask: Mask, size: tuple[int, int]) -> Mask:
    small = cv2.resize(mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small > 0.5, np.bool_)


def _reduced_prompt(
    prompt: Click | Box, full: tuple[int, int], size: tuple[int, int]
) -> Click | Box:
    down, across = size[0] / full[0], size[1] / full[1]
    if isinstance(prompt, Click):
        return Click(int(prompt.x * across), int(prompt.y * down), prompt.positive)
    left, top = int(prompt.left * across), int(prompt.top * down)
    right = max(left + 1, round(prompt.right * across))
    return Box(left, top, right, max(top + 1, round(prompt.bottom * down)))
