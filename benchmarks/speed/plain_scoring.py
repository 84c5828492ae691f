"""The semi-supervised scoring of DAVIS 2017, written plainly: the reference of speed and figures.

J. Pont-Tuset et al., DAVIS 2017 (arXiv 1704.00675), section 4; F. Perazzi et al., DAVIS 2016,
section 5. Each step is done as its description says it, on whole images and whole sequences in
memory, as the published evaluation does. Nothing else uses it.

Shape letters: T frames, O objects, H W pixels.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Volume = NDArray[np.float64]
Flags = NDArray[np.bool_]


def plain_scores(
    predictions: Path, truth: Path, names: list[str]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return J and F (O, T) of each sequence, first and last frame left out."""
    return {name: _sequence(predictions / name, truth / name) for name in names}


def _sequence(predictions: Path, truth: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    files = sorted(truth.glob("*.png"))
    ids = _read(files)
    ids[ids == 255] = 0
    count = int(ids[0].max())
    real = _objects(ids, count)[:, 1:-1]
    found = _objects(_read([predictions / file.name for file in files[1:-1]]), count)
    j = np.zeros(real.shape[:2])
    f = np.zeros(real.shape[:2])
    for number in range(count):
        j[number] = _region_similarity(found[number], real[number])
        for t in range(real.shape[1]):
            f[number, t] = _contour_accuracy(found[number, t], real[number, t])
    return j, f


def _read(files: list[Path]) -> Volume:
    """Read masks into one volume (T, H, W) float64."""
    first = np.array(Image.open(files[0]))
    volume = np.zeros((len(files), *first.shape))
    for t, file in enumerate(files):
        volume[t] = np.array(Image.open(file))
    return volume


def _objects(ids: Volume, count: int) -> Flags:
    """Make one binary volume for each object: (O, T, H, W)."""
    numbers = np.ones((count, *ids.shape)) * np.arange(1, count + 1)[:, None, None, None]
    return numbers == ids[None]


def _region_similarity(found: Flags, real: Flags) -> NDArray[np.float64]:
    """Intersection over union in each frame (T,)."""
    both = np.sum(found & real, axis=(1, 2))
    either = np.sum(found | real, axis=(1, 2))
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


def _contour_accuracy(found: Flags, real: Flags) -> float:
    """The harmonic mean of boundary precision and recall in one frame (H, W)."""
    radius = int(np.ceil(0.008 * np.linalg.norm(real.shape)))
    found_edge, real_edge = _boundary(found), _boundary(real)
    disk = _disk(radius)
    near_found = cv2.dilate(found_edge.astype(np.uint8), disk)
    near_real = cv2.dilate(real_edge.astype(np.uint8), disk)
    found_length, real_length = np.sum(found_edge), np.sum(real_edge)
    if found_length == 0 or real_length == 0:
        return float(found_length == real_length)
    precision = np.sum(found_edge * near_real) / found_length
    recall = np.sum(real_edge * near_found) / real_length
    if precision + recall == 0:
        return 0.0
    return float(2 * precision * recall / (precision + recall))


def _disk(radius: int) -> NDArray[np.uint8]:
    across = np.arange(-radius, radius + 1)
    return (across[:, None] ** 2 + across[None] ** 2 <= radius**2).astype(np.uint8)


def _boundary(mask: Flags) -> Flags:
    """Where a pixel differs from its right, lower or lower-right neighbor."""
    right, below, beyond = (np.zeros_like(mask) for _ in range(3))
    right[:, :-1] = mask[:, 1:]
    below[:-1] = mask[1:]
    beyond[:-1, :-1] = mask[1:, 1:]
    edge: Flags = (mask ^ right) | (mask ^ below) | (mask ^ beyond)
    edge[-1] = mask[-1] ^ right[-1]
    edge[:, -1] = mask[:, -1] ^ below[:, -1]
    edge[-1, -1] = False
    return edge
