"""Mean IoU of the parts of people, as VIP is scored: one confusion matrix over all videos.

Q. Zhou et al. 2018, "Adaptive Temporal Encoding Network for Video Instance-level Human Parsing".

Shape letters: H W pixels, C classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.errors import InputError

CLASSES = 20
"""Of VIP, background included."""


class PartConfusion:
    """Pixels by true and predicted class, added up over frames.

    Attributes:
        matrix: (C, C) int64; rows are true classes, columns predicted ones.
    """

    def __init__(self, classes: int = CLASSES) -> None:
        self.classes = classes
        self.matrix: NDArray[np.int64] = np.zeros((classes, classes), np.int64)

    def add(self, true: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        """Count a frame; true pixels that are no class (void) are left out.

        Args:
            true: (H, W) uint8.
            predicted: uint8 of any size, taken to the true one's by nearest.

        Raises:
            InputError: a predicted pixel that counts is no class.
        """
        predicted = resize_like_pillow(predicted, *true.shape)
        known = true < self.classes
        rows, columns = true[known].astype(np.int64), predicted[known].astype(np.int64)
        if columns.size and columns.max() >= self.classes:
            raise InputError(
                f"a predicted mask holds class {columns.max()}; expected 0 to {self.classes - 1}"
            )
        counts = np.bincount(rows * self.classes + columns, minlength=self.classes**2)
        self.matrix += counts.reshape(self.classes, self.classes)

    @property
    def iou(self) -> NDArray[np.float64]:
        """IoU of each class (C,); NaN for one that is neither true nor predicted anywhere."""
        inside = np.diag(self.matrix)
        with np.errstate(invalid="ignore"):
            union = self.matrix.sum(0) + self.matrix.sum(1) - inside
            iou: NDArray[np.float64] = inside / union
        return iou

    def figures(self) -> dict[str, float]:
        """Return mean IoU, pixel accuracy, mean accuracy and frequency-weighted IoU, 0 to 1."""
        true, inside = self.matrix.sum(1), np.diag(self.matrix)
        with np.errstate(invalid="ignore"):
            accuracy = inside / true
        iou, share = self.iou, true / max(true.sum(), 1)
        return {
            "mIoU": _mean_of_known(iou),
            "pixel_accuracy": float(inside.sum() / true.sum()) if true.sum() else float("nan"),
            "mean_accuracy": _mean_of_known(accuracy),
            "frequency_weighted_iou": float((share * iou)[true > 0].sum()),
        }


def resize_like_pillow(mask: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize a mask (H, W) by Pillow's nearest, as the published scorer does."""
    if mask.shape == (height, width):
        return mask
    resized = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized)


def _mean_of_known(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
