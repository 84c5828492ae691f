"""PCK: the share of joints that lie close enough to their true position.

Y. Yang and D. Ramanan (CVPR 2011); over time and for label propagation as in A. Jabri et al. 2020,
"Space-Time Correspondence as a Contrastive Random Walk" (arXiv 2006.14613), whose program the
default equals.

Shape letters: T frames, J joints, A thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError

ALPHAS = (0.1, 0.2, 0.3, 0.4, 0.5)
_DIAGONAL_SHARE = 0.6


@dataclass(frozen=True)
class PckVariant:
    """What differs between the published ways to count."""

    first_frame: bool = False
    """The first frame, whose joints are given, counts."""
    inside_at_start: bool = False
    """Joints whose true position lies outside of the first frame are left out of the video."""
    length: Literal["diagonal", "longer-side"] = "diagonal"
    """What a threshold is a share of: 0.6 of the diagonal of the joints' box or its longer side."""
    average: Literal["joints", "all"] = "joints"
    """The mean of the joints' percentages, or the percentage of all joints in all frames."""


VARIANTS: Mapping[str, PckVariant] = {
    "label-propagation": PckVariant(),
    "tap-net": PckVariant(first_frame=True, inside_at_start=True),
    "pooled": PckVariant(average="all"),
    "longer-side": PckVariant(length="longer-side"),
}
"""By name: label-propagation is the published program's (videowalk, and all that copied it);
tap-net is that of C. Doersch et al. 2022; pooled averages over joints and frames at once;
longer-side takes the length of the paper that PCK is from."""


@dataclass(frozen=True)
class JointTracks:
    """True and predicted joints of a video, in pixels from 0."""

    true: NDArray[np.floating]
    """(T, J, 2)"""
    predicted: NDArray[np.floating]
    """(T, J, 2); NaN where a joint has no position."""
    size: tuple[int, int]
    """Width and height of the frames."""

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            InputError: they are not (T, J, 2), and the same.
        """
        if self.true.shape != self.predicted.shape or self.true.shape[2:] != (2,):
            raise InputError(
                f"true joints {self.true.shape}, predicted {self.predicted.shape}: expected one "
                "shape (frames, joints, 2)"
            )


@dataclass(frozen=True)
class PckScore:
    """PCK in percent."""

    alphas: tuple[float, ...]
    per_joint: NDArray[np.float64]
    """(A, J); NaN for a joint that was never predicted."""
    mean: NDArray[np.float64]
    """(A,)"""
    scored: NDArray[np.int64]
    """(J,): positions that counted."""


def score_pck(
    videos: Sequence[JointTracks],
    alphas: Sequence[float] = ALPHAS,
    variant: PckVariant = VARIANTS["label-propagation"],
) -> PckScore:
    """Score the joints of all videos together.

    A joint counts in a frame where it has a predicted position, whether its true one is inside of
    the frame or not: the published program knows no visibility. A joint without any prediction is
    left out of the mean.

    Raises:
        InputError: no video, or videos of different joints.
    """
    if len({video.true.shape[1] for video in videos}) != 1:
        raise InputError("expected videos with the same joints, at least one")
    ratios = np.concatenate([_ratios(video, variant) for video in videos])  # (frames of all, J)
    counts = ~np.isnan(ratios)
    thresholds = np.asarray(alphas)[:, None, None]
    right = (ratios <= thresholds) & counts  # (A, frames of all, J)
    scored = counts.sum(0)
    with np.errstate(invalid="ignore"):
        per_joint = 100.0 * right.sum(1) / scored  # (A, J)
        if variant.average == "all":
            mean = 100.0 * right.sum((1, 2)) / scored.sum()
        else:
            mean = per_joint[:, scored > 0].mean(1) if scored.any() else per_joint.mean(1)
    return PckScore(tuple(alphas), per_joint, mean, scored)


def reference_lengths(
    video: JointTracks, variant: PckVariant = VARIANTS["label-propagation"]
) -> NDArray[np.float64]:
    """Return the length (T,) of each frame that thresholds are shares of; NaN without a joint.

    The box is that of the true positions of those joints that count in the frame.
    """
    true = np.where(_counted(video, variant)[..., None], video.true, np.nan)  # (T, J, 2)
    lengths = np.full(len(true), np.nan)
    known = ~np.isnan(true).all((1, 2))
    sides = np.nanmax(true[known], 1) - np.nanmin(true[known], 1)  # (T', 2)
    if variant.length == "diagonal":
        lengths[known] = _DIAGONAL_SHARE * np.linalg.norm(sides, axis=1)
    else:
        lengths[known] = sides.max(1)
    return lengths


def _counted(video: JointTracks, variant: PckVariant) -> NDArray[np.bool_]:
    """Say which joints count in which frames (T, J), the first frame aside."""
    counted: NDArray[np.bool_] = ~np.isnan(video.predicted).any(-1)
    if variant.inside_at_start:
        stored = video.true[0] + 1  # that program does not take off the 1 of the files
        counted = counted & ((stored >= 0) & (stored < np.array(video.size))).all(-1)
    return counted


def _ratios(video: JointTracks, variant: PckVariant) -> NDArray[np.float64]:
    """Return distance over length (T, J); NaN where a joint does not count."""
    counted = _counted(video, variant)
    if not variant.first_frame:
        counted[0] = False
    distances = np.linalg.norm(video.predicted - video.true, axis=-1)
    lengths = reference_lengths(video, variant)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = distances / lengths
    # A box of one joint has no length: nothing is within a share of it, as published.
    ratios = np.where(lengths > 0, ratios, np.inf)
    return np.where(counted, ratios, np.nan)
