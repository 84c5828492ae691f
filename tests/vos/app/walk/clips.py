"""Clips for the walk through the page: parts of the demo clip as videos, with true masks.

Shapes: H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np

from vos.datasets.demo_clip import demo_frames

COUNT, HEIGHT, WIDTH = 16, 240, 428
STEP = 2


@lru_cache(maxsize=1)
def small_frames() -> list[tuple[np.ndarray, np.ndarray]]:
    """Every second frame of the demo clip at half its size, with the masks of its objects 1 to 3:
    images (H, W, 3) and ids (H, W)."""
    size = (WIDTH, HEIGHT)
    return [
        (
            cv2.resize(image, size, interpolation=cv2.INTER_AREA),
            cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST),
        )
        for number, (image, mask) in enumerate(demo_frames())
        if number % STEP == 0 and number < COUNT * STEP
    ]


def truth(frame: int, object_id: int) -> np.ndarray:
    """Return where an object is: bool (H, W)."""
    return small_frames()[frame][1] == object_id


def middle(mask: np.ndarray) -> tuple[int, int]:
    """Return the pixel (x, y) of a mask that is farthest from its border."""
    away = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(away.argmax(), away.shape)
    return int(x), int(y)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the IoU of two masks."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def write_video(
    path: Path, images: Sequence[np.ndarray], *, fps: int = 12, gop: int = 8, preset: str = "fast"
) -> Path:
    """Write images (H, W, 3) as H.264, with a key frame every `gop` frames."""
    options = {"preset": preset, "g": str(gop), "crf": "16"}
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options=options)
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = images[0].shape[:2]
        for image in images:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        out.mux(stream.encode(None))
    return path
