"""Frames of a run to look at: the predicted mask in color, the truth's contour over it.

Shape letters: H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.datasets.sequence import VideoSequence
from vos.evaluation.scores import SequenceScore
from vos.masks.ids import VOID
from vos.masks.io import read_index_png
from vos.masks.palette import DAVIS_PALETTE
from vos.video.images import read_image
from vos.visualization.overlay import draw_overlay

_LINE, _RIM = (255, 255, 255), (0, 0, 0)


_BRIGHT = np.asarray(
    cv2.convertScaleAbs(DAVIS_PALETTE, alpha=2), np.uint8
)  # the palette's own colors are dark


@dataclass(frozen=True)
class FramePicture:
    """A frame with its masks drawn, and its scores."""

    frame: str
    image: NDArray[np.uint8]
    """RGB (H, W, 3)."""
    j: float
    """Mean J over the objects that count in this frame."""
    f: float


def best_and_worst(
    score: SequenceScore, sequence: VideoSequence, masks: Path, width: int = 720
) -> tuple[FramePicture, FramePicture]:
    """Draw the frames of a sequence with the highest and the lowest mean J&F of its objects."""
    means = frame_means(score)
    ordered = sorted(means, key=lambda frame: sum(means[frame]))
    best, worst = (
        FramePicture(frame, _drawn(frame, sequence, masks, width), *means[frame])
        for frame in (ordered[-1], ordered[0])
    )
    return best, worst


def frame_means(score: SequenceScore) -> dict[str, tuple[float, float]]:
    """Return mean J and mean F over the objects, for each frame that counts for any of them."""
    scores: dict[str, list[tuple[float, float]]] = {}
    for o in score.objects:
        for frame, j, f in zip(o.frames, o.j_frames.tolist(), o.f_frames.tolist(), strict=True):
            scores.setdefault(frame, []).append((j, f))
    return {
        frame: (float(np.mean([j for j, _ in rows])), float(np.mean([f for _, f in rows])))
        for frame, rows in scores.items()
    }


def _drawn(frame: str, sequence: VideoSequence, masks: Path, width: int) -> NDArray[np.uint8]:
    path = next(p for p in sequence.frames if p.stem == frame)
    ids = read_index_png(masks / sequence.name / f"{frame}.png")
    overlaid = draw_overlay(read_image(path), ids, alpha=0.45, contours=False, palette=_BRIGHT)
    return draw_truth(overlaid, sequence.read_annotation(frame), width)


def draw_truth(image: NDArray[np.uint8], truth: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Bring a picture (H, W, 3) to a width and draw the outlines of a mask (H, W) on it.

    Outlines are white with a black rim, so that they show on every ground. Pictures are never
    enlarged.
    """
    scale = min(1.0, width / image.shape[1])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    result = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    outlines = []
    for number in np.unique(truth[(truth != 0) & (truth != VOID)]):
        region = (truth == number).view(np.uint8)  # (H, W)
        region = cv2.resize(region, size, interpolation=cv2.INTER_NEAREST)
        contours, _ = cv2.findContours(region, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        outlines.extend(contours)
    for color, thickness in ((_RIM, 3), (_LINE, 1)):
        cv2.drawContours(result, outlines, -1, color, thickness, cv2.LINE_AA)
    return np.asarray(result, np.uint8)
