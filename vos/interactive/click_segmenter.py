"""A mask of one object in one frame from clicks, strokes and a box, with frozen features.

Nothing is trained: what the prompts say of the frame's patches is a regression in closed form, so
that a click costs a small part of what the features cost, which are computed once.

Shapes: H W pixels of the frame, D width of the features, h w patches.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vos.backbones.backbone import Backbone
from vos.backbones.input_size import check_frame
from vos.errors import InputError
from vos.interactive.correction import changed_parts, surroundings, wrong_parts
from vos.interactive.frame_nodes import Floats, FrameNodes
from vos.interactive.object_scores import ObjectScores
from vos.interactive.outline import GuidedUpsampling, asked_parts, cut_band
from vos.interactive.prompts import Box, Click, Prompt, Stroke, box_pixels, drawn_pixels
from vos.interactive.settings import ClickSettings


class ClickSegmenter:
    """The masks that prompts give on one frame.

    The same prompts always give the same mask, whatever was asked before. Clicked and drawn pixels
    are as the last prompt on them says. The mask holds the connected parts with a positive pixel;
    of a box alone, the largest part in it.

    Example:
        segmenter = ClickSegmenter(frame, load_backbone("dino_vits8"))
        mask = segmenter.mask([Click(320, 200), Click(100, 50, positive=False)])

    Args:
        frame: RGB uint8 (H, W, 3).
        backbone: gives the features, once; not needed where `features` are given.
        features: (D, h, w) of the frame's patches, of any float type, as `Backbone.features` gives
            them.
        settings: all numbers of the method.

    Raises:
        InputError: the frame is not RGB uint8, or too small for a patch; neither a backbone nor
            features are given, or the features are no finite map.
    """

    def __init__(
        self,
        frame: NDArray[np.uint8],
        backbone: Backbone | None = None,
        *,
        features: torch.Tensor | None = None,
        settings: ClickSettings | None = None,
    ) -> None:
        check_frame(frame)
        self._settings = settings or ClickSettings()
        self._image = np.ascontiguousarray(frame)
        if features is None:
            if backbone is None:
                raise InputError("give a backbone or the frame's features")
            features = backbone.features(frame).patches[0, 0]
        self._nodes = FrameNodes(self._image, _checked(features), self._settings)
        self._scores = ObjectScores(self._nodes, self._settings)
        self._upsampling = GuidedUpsampling(self._image, self._nodes.shape)

    @property
    def shape(self) -> tuple[int, int]:
        """H and W of the frame and of its masks."""
        return self._image.shape[0], self._image.shape[1]

    def mask(
        self, prompts: Sequence[Prompt], base: NDArray[np.bool_] | None = None
    ) -> NDArray[np.bool_]:
        """Return the object's mask.

        With a base, clicks and strokes correct it: a positive one adds what the base lacks around
        it, a negative one takes away what is too much around it. All else stays as the base has
        it, to the pixel. An empty base is none.

        Args:
            prompts: clicks, strokes and a box in the order they were given; a later one overrules
                an earlier one where they meet, and the last box holds.
            base: (H, W) bool, a mask that is there already, as propagation gives one.

        Returns:
            (H, W) bool; without a base, empty without a box or a positive pixel.

        Raises:
            InputError: a prompt is of another kind, or it or the base does not fit the frame.
        """
        if strange := [p for p in prompts if not isinstance(p, Click | Stroke | Box)]:
            raise InputError(
                f"a prompt is a {type(strange[0]).__name__}; expected a Click, a Stroke or a Box"
            )
        drawn = drawn_pixels(prompts, *self.shape)
        box = box_pixels(prompts, *self.shape)
        if base is not None and self._checked_base(base).any():
            return self._corrected(base, drawn, box)
        if box is None and not (drawn > 0).any():
            return np.zeros(self.shape, np.bool_)
        fixed = _fixed_pixels(drawn, box)
        start = None if box is None or (drawn > 0).any() else self._middle_of(box)
        outside = None if box is None else self._nodes.shares(box) <= 0
        likely = self._scores.probabilities(self._node_labels(drawn), start, outside)
        mask = self._upsampling(likely.reshape(self._nodes.shape)) > 0.5
        mask = asked_parts(_as_fixed(mask, fixed), drawn)
        if self._settings.band:
            mask = cut_band(self._image, mask, fixed, self._settings.band)
            mask = asked_parts(mask, drawn)
        return mask

    def _corrected(
        self, base: NDArray[np.bool_], drawn: NDArray[np.int8], box: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_]:
        """Return a base with what was drawn, and with what follows from that around it."""
        fixed, settings = _fixed_pixels(drawn, box), self._settings
        mask = _as_fixed(base, fixed)
        if not (base ^ mask)[drawn != 0].any():
            return mask  # nothing was drawn that the base does not have
        outside = None if box is None else self._nodes.shares(box) <= 0
        shares = self._nodes.shares(base)
        likely = self._scores.probabilities(self._node_labels(drawn), None, outside, shares)
        wanted = _as_fixed(self._upsampling(likely.reshape(self._nodes.shape)) > 0.5, fixed)
        wanted &= ~(wrong := wrong_parts(base, drawn, settings.base_part))
        changed = changed_parts(base, wanted, drawn, settings.base_reach) | wrong
        mask = _as_fixed(np.where(changed, wanted, base), fixed)
        if settings.band:
            certain = np.where(mask, np.int8(1), np.int8(-1))
            certain[surroundings(changed, settings.band) & (fixed == 0)] = 0
            mask = cut_band(self._image, mask, certain, settings.band)
        return mask

    def _checked_base(self, base: NDArray[np.bool_]) -> NDArray[np.bool_]:
        if base.shape != self.shape or base.dtype != np.bool_:
            raise InputError(
                f"the base is {base.dtype} of shape {base.shape}; expected bool of the frame's "
                f"shape {self.shape}"
            )
        return base

    def _node_labels(self, drawn: NDArray[np.int8]) -> NDArray[np.int8]:
        """Label nodes (N,) by the more frequent sign of the pixels drawn in them."""
        rows, columns = np.nonzero(drawn)
        sums = np.zeros(len(self._nodes.values))
        np.add.at(sums, self._nodes.of_pixels(rows, columns), drawn[rows, columns])
        return np.sign(sums).astype(np.int8)

    def _middle_of(self, box: NDArray[np.bool_]) -> Floats:
        """Return a first guess (N,) of what a box holds: the ellipse in it."""
        rows, columns = np.flatnonzero(box.any(1)), np.flatnonzero(box.any(0))
        middle = (float(columns[0] + columns[-1]) / 2, float(rows[0] + rows[-1]) / 2)
        angle = 0.0
        ellipse = np.zeros(self.shape, np.uint8)
        cv2.ellipse(ellipse, (middle, (float(len(columns)), float(len(rows))), angle), 1, -1)
        return self._nodes.shares(ellipse > 0)


def _fixed_pixels(drawn: NDArray[np.int8], box: NDArray[np.bool_] | None) -> NDArray[np.int8]:
    """Return (H, W) int8: 1 and -1 for pixels that are certain; outside of the box all are."""
    return drawn if box is None else np.where(~box & (drawn == 0), np.int8(-1), drawn)


def _as_fixed(mask: NDArray[np.bool_], fixed: NDArray[np.int8]) -> NDArray[np.bool_]:
    return np.asarray((mask | (fixed > 0)) & (fixed >= 0), np.bool_)


def _checked(features: torch.Tensor) -> Floats:
    values = np.asarray(features.detach().float().cpu().numpy(), np.float32)
    if values.ndim != 3 or 0 in values.shape or not np.isfinite(values).all():
        raise InputError(
            f"features have the shape {tuple(values.shape)}; expected finite numbers of the shape "
            "(D, h, w)"
        )
    return values
