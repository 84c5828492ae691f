"""Which pass gives a frame its outcome, and the outcome of both where they meet.

Behind the last prompt the forward pass stands alone, before the first one the backward pass does;
between two prompts they are merged.

Shapes: H W pixels.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vos.masks.ids import object_ids
from vos.propagation.confidence import GIVEN, ObjectConfidence, object_confidence
from vos.propagation.config import PropagationConfig
from vos.propagation.pixels.prompt_labels import with_prompt
from vos.segmentation.passes.merging import merge_labels
from vos.segmentation.passes.pass_labels import FrameLabels

MaskOf = Callable[[Tensor, tuple[int, ...]], NDArray[np.uint8]]
"""Makes the mask (H, W) of a frame from labels (C, h, w) and the ids of their channels."""


class BothPasses:
    """The prompts of a run, as far as they say which pass counts how much.

    Args:
        prompts: the masks given (H, W), by the frame's index.

    Attributes:
        first: index of the first prompted frame.
        last: of the last one.
    """

    def __init__(self, prompts: Mapping[int, NDArray[np.uint8]]) -> None:
        self.first, self.last = min(prompts), max(prompts)
        self._prompted: dict[int, list[int]] = {}
        for index in sorted(prompts):
            for object_id in object_ids(prompts[index]):
                self._prompted.setdefault(object_id, []).append(index)

    def needs_forward(self, index: int) -> bool:
        """Whether the forward pass has a say in a frame."""
        return index >= self.last or index > self.first

    def needs_backward(self, index: int) -> bool:
        """Whether the backward pass has a say in a frame."""
        return index < self.last

    def merged(
        self,
        index: int,
        forward: FrameLabels,
        backward: FrameLabels,
        prompt: NDArray[np.uint8] | None,
        mask_of: MaskOf,
    ) -> FrameLabels:
        """Return the outcome of both passes for a frame between the first and the last prompt.

        Args:
            index: the frame's.
            forward: the outcome of the forward pass.
            backward: of the backward pass.
            prompt: the frame's prompt (H, W), None if it has none.
            mask_of: makes a mask as the forward pass does.
        """
        distances = {
            object_id: self._distances(object_id, index)
            for object_id in backward.objects
            if object_id in forward.objects
        }
        merged = merge_labels(forward, backward, distances)
        assert merged.labels is not None
        mask = mask_of(merged.labels, merged.objects)
        if prompt is not None:
            mask = with_prompt(mask, prompt, object_ids(prompt))
        return FrameLabels(merged.labels, merged.objects, mask)

    def _distances(self, object_id: int, index: int) -> tuple[int, int]:
        """Return how far an object's prompts on both sides of a frame are from it."""
        frames = self._prompted[object_id]
        before = frames[bisect_right(frames, index) - 1]
        behind = frames[bisect_left(frames, index)]
        return index - before, behind - index


def outcome_confidence(
    outcome: FrameLabels, prompt: NDArray[np.uint8] | None, config: PropagationConfig
) -> dict[int, ObjectConfidence]:
    """Say how sure each object's mask in a frame is; that of a prompt is given.

    Args:
        outcome: the frame's.
        prompt: its prompt (H, W), None if it has none.
        config: says whether the frame's mask is the prompt itself.
    """
    if outcome.labels is None:
        return {}
    confidence = object_confidence(outcome.labels, outcome.objects)
    if prompt is not None and config.prompt_output == "prompt":
        confidence |= dict.fromkeys(object_ids(prompt), GIVEN)
    return confidence
