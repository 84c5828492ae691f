"""PCK-T: BADJA's score of joints that are propagated from a video's first annotated frame.

B. Biggs et al. 2018 (arXiv 1811.05804), as counted by the program of A. W. Harley et al. 2022,
"Particle Video Revisited" (arXiv 2204.04153).

Shape letters: T frames, N joints, H W pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError

SIZE = (512, 320)
"""Width and height that positions and areas are taken at."""
FACTOR = 0.2


def at_scored_size(positions: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float64]:
    """Scale positions (..., 2) in pixels of a picture of `size` (width, height) to `SIZE`."""
    return positions.astype(np.float64) * SIZE / np.array(size)


def scored_area(foreground: NDArray[np.bool_]) -> int:
    """Return the area of a foreground (H, W) in pixels at `SIZE`, taken by nearest."""
    height, width = foreground.shape
    rows = np.arange(SIZE[1]) * height // SIZE[1]
    columns = np.arange(SIZE[0]) * width // SIZE[0]
    return int(foreground[rows][:, columns].sum())


def score_pck_t(
    predicted: NDArray[np.floating],
    true: NDArray[np.floating],
    visible: NDArray[np.bool_],
    areas: NDArray[np.floating],
    factor: float = FACTOR,
) -> float:
    """Return the percentage of right joints of a video; NaN where none is visible.

    Joints count where they are visible after the first frame, also those that were not visible
    there. One is right if it is closer than `factor` times the square root of the frame's area.

    Args:
        predicted: (T, N, 2) at `SIZE`; NaN is wrong.
        true: (T, N, 2) at `SIZE`.
        visible: (T, N); False in frames without annotation.
        areas: (T,) of the foreground at `SIZE`; read in annotated frames alone.
        factor: share of the area's root.

    Raises:
        InputError: the shapes do not fit.
    """
    shape = visible.shape
    if predicted.shape != (*shape, 2) or true.shape != (*shape, 2) or areas.shape != shape[:1]:
        raise InputError(
            f"predicted {predicted.shape}, true {true.shape}, visible {shape}, areas "
            f"{areas.shape}: expected (T, N, 2) twice, (T, N) and (T,)"
        )
    return _percent(right_joints(predicted, true, areas, factor)[1:][visible[1:]])


def right_joints(
    predicted: NDArray[np.floating],
    true: NDArray[np.floating],
    areas: NDArray[np.floating],
    factor: float = FACTOR,
) -> NDArray[np.bool_]:
    """Say which joints (T, N) are close enough to their true position."""
    distances = np.linalg.norm(predicted - true, axis=-1)
    right: NDArray[np.bool_] = distances < factor * np.sqrt(areas)[:, None]
    return right


def _percent(right: NDArray[np.bool_]) -> float:
    return float("nan") if not right.size else 100.0 * float(right.mean())
