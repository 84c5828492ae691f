"""How sure the masks of a frame are, by the soft labels that they were made from.

The confidence of a mask is how little it changes with the share of a patch that counts as the
object: the mean, over four pairs of thresholds, of the IoU of the mask at the high one and the mask
at the low one. It is the stability score of Segment Anything (Kirillov et al. 2023), of shares
in place of logits.

A small object is mostly border, so it has less than a large one whose mask is as good.

It ranks the frames of runs of one kind and is no estimate of J: the labels of the adaptive mode are
sharper, and so are its confidences higher. `vos-bench davis` measures it. With the built-in
features, over every second frame of 13 training sequences of DAVIS 2017 (44 frames have J < .5):

                                        rank correlation with J     poor frames among the
    measure                             all     within a sequence   least sure tenth (best: .82)
    stability, four thresholds (this)   .87     .73                 .66
    stability, .75 alone                .87     .72                 .70
    margin to the next best channel     .87     .71                 .64
    entropy inside the mask             .78     .68                 .61
    soft IoU of mask and labels         .83     .72                 .64
    area against the first frame's      .56     .40                 .41
    area against the last frame's       .23     -.08                .32
    shift of the middle                 .20     .02                 .45
    frames since the prompt             .33     .67                 .18
    propagated back to the first frame  .48     .67                 .30 (every third frame)

Of clips of two objects, one pasted and leaving: .96 and .51, .85 of 27 poor frames. With the labels
of a target model (the adaptive mode), where one frame is poor: .59 and .29. Below .3 the mean J of
the protocol's masks is .44, from .3 to .6 it is .73, above .6 it is .84.

An object is called absent where no patch is mostly it. That is so in .76 to .84 of the frames after
an object has left (8 cropped clips, 12 pasted ones), and in .01 to .05 of those where it is there,
which have a mean J of .13 to .47. With a target model it is in .83 to .85, and in 0 to .07, which
all have J 0.

Shapes: C label channels, background first; h w patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

DIGITS = 4
"""Decimal places of a confidence."""
_THRESHOLDS = (0.6, 0.7, 0.8, 0.9)
"""Shares above which a patch surely is the object's; below one minus that it surely is not."""
_MAJORITY = 0.5


@dataclass(frozen=True)
class ObjectConfidence:
    """How sure one object's mask is."""

    confidence: float
    """From 0 (any other threshold would give another mask, or there is nothing left of the object)
    to 1 (every patch is wholly the object or wholly not), to four decimal places."""
    absent: bool
    """Whether the object seems not to be in the frame, or lost: no patch is mostly the object."""


GIVEN = ObjectConfidence(1.0, absent=False)
"""Of a mask that the frame's prompt gave, whatever labels of patches it became."""


def object_confidence(labels: Tensor, objects: Sequence[int]) -> dict[int, ObjectConfidence]:
    """Say how sure the masks of one frame are.

    Args:
        labels: (C, h, w) shares of the patches, background first, which sum to 1 over C.
        objects: the ids of channels 1, 2, ...: C - 1 of them.

    Returns:
        Object id -> how sure its mask is, in the order of `objects`.

    Raises:
        ValueError: there are not C - 1 objects.
    """
    if labels.ndim != 3 or len(labels) != len(objects) + 1:
        raise ValueError(f"expected labels ({len(objects) + 1}, h, w), got {tuple(labels.shape)}")
    shares = labels[1:].flatten(1)  # (C, h, w) -> (C - 1, h w)
    thresholds = shares.new_tensor(_THRESHOLDS)[:, None, None]  # (4, 1, 1)
    sure = (shares > thresholds).sum(2)  # (4, C - 1, h w) -> (4, C - 1)
    possible = (shares > 1 - thresholds).sum(2)
    confidence = (sure / possible.clamp_min(1)).mean(0)
    absent = (shares <= _MAJORITY).all(1)
    return {
        object_id: ObjectConfidence(round(value, DIGITS), gone)
        for object_id, value, gone in zip(
            objects, confidence.tolist(), absent.tolist(), strict=True
        )
    }
