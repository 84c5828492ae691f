"""What tells the objects of this video from everything else in it: a linear model in closed form.

The published propagation copies labels from similar patches; it never asks which features
separate an object from its surroundings. A ridge regression from features to labels does. It is
fitted to the prompted frames and, with their own soft labels, to some later ones, and it needs
sums over patches alone, so frames can be added and forgotten for the price of one small matrix.

Every present channel of a frame counts the same, however few patches it has, and every frame
counts the same but for the prompted ones. The constant is not penalised.

Shapes: D width, P patches, C label channels, background first; E = D + 1 with the constant.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_ABSENT = 1e-6
"""Patches in all below which a channel is not in a frame."""
_LEAD = 0.5
"""Part of a channel's threshold that is taken off its scores: all of it loses thin parts."""
_LEAST_FREEDOM = 1e-3
"""A patch whose leverage is nearer to 1 determines its own value; its residual says nothing."""


@dataclass(frozen=True)
class FrameSums:
    """What a frame adds to the regression; its weights sum to 1."""

    gram: Tensor
    """(E, E) float32 weighted products of features."""
    cross: Tensor
    """(E, C) float32 weighted products of features and labels."""

    def __add__(self, other: FrameSums) -> FrameSums:
        """Add both sums."""
        return FrameSums(self.gram + other.gram, self.cross + other.cross)

    def __mul__(self, weight: float) -> FrameSums:
        """Count the frame so many times."""
        return FrameSums(self.gram * weight, self.cross * weight)


@dataclass(frozen=True)
class Reliability:
    """How well a frame's given labels follow from its features."""

    ridge: float
    """The penalty with the least error, as a share of the features' variance."""
    error: float
    """Mean squared error of a patch's labels, each predicted without that patch."""
    variance: float
    """Trace of the features' weighted covariance."""
    thresholds: Tensor
    """(C,) float32 on the CPU: by how much a channel's score has to exceed every other's to give
    the given object best. Channels count the same in the fit, so small ones score too high."""


def patch_weights(labels: Tensor) -> Tensor:
    """Weigh patches so that every present channel counts the same.

    Args:
        labels: (P, C) float32 shares of each patch.

    Returns:
        (P,) float32 that sum to 1; patches without labels weigh nothing.
    """
    mass = labels.sum(0)  # (C,)
    inverse = torch.where(mass > _ABSENT, 1 / mass.clamp_min(_ABSENT), 0)
    weights = labels @ inverse  # (P,)
    return weights / weights.sum().clamp_min(_ABSENT)


def with_constant(features: Tensor) -> Tensor:
    """Append a constant 1: (h, w, D) or (P, D) of any float type -> (P, E) float32."""
    flat = features.reshape(-1, features.shape[-1]).float()  # (P, D)
    return torch.cat([flat, flat.new_ones(len(flat), 1)], dim=1)


def frame_sums(features: Tensor, labels: Tensor) -> FrameSums:
    """Sum up a frame for the regression.

    Args:
        features: (h, w, D) or (P, D).
        labels: (P, C) float32.
    """
    rows = with_constant(features)
    weighted = rows * patch_weights(labels).unsqueeze(1)
    return FrameSums(weighted.T @ rows, weighted.T @ labels)


def solve_ridge(sums: FrameSums, ridge: float) -> Tensor:
    """Minimise the weighted squared error plus `ridge` times the squared coefficients.

    Solved on the CPU in float64: the matrix is small, and features of unit length make it nearly
    singular.

    Returns:
        (E, C) float32 on the sums' device; the last row is the constant's.
    """
    gram = sums.gram.cpu().double()
    penalty = torch.full((len(gram),), ridge, dtype=torch.float64)
    penalty[-1] = 0
    solution = torch.linalg.solve(gram + penalty.diag(), sums.cross.cpu().double())
    return solution.to(sums.cross.device, torch.float32)


def leave_one_out(features: Tensor, labels: Tensor, ridges: Sequence[float]) -> Reliability:
    """Find the penalty that predicts each patch's labels best from all others, and its error.

    A residual divided by 1 - leverage is the residual of the fit without that patch; with one
    eigendecomposition every penalty costs two products.

    Args:
        features: (h, w, D) or (P, D).
        labels: (P, C) float32, of a prompted frame.
        ridges: penalties to try, as shares of the features' variance.
    """
    weights = patch_weights(labels)
    flat = features.reshape(-1, features.shape[-1]).float()  # (P, D)
    centred = flat - weights @ flat
    centred_labels = labels - weights @ labels
    root = weights.sqrt().unsqueeze(1)
    covariance = (centred * weights.unsqueeze(1)).T @ centred  # (D, D)
    values, vectors = torch.linalg.eigh(covariance.cpu().double())
    values, vectors = values.clamp_min(0), vectors.to(flat.device, torch.float32)
    variance = float(values.sum())
    turned = (centred * root) @ vectors  # (P, D), in the eigenvectors' axes
    projected = turned.T @ (centred_labels * root)  # (D, C)
    best = (ridges[0], math.inf, labels)
    for ridge in ridges:
        gain = (1 / (values + max(ridge * variance, 1e-12))).to(flat.device, torch.float32)
        leverage = (turned**2) @ gain + weights  # (P,); the constant's share is the weight
        fitted = turned @ (gain.unsqueeze(1) * projected)  # (P, C)
        freedom = (1 - leverage).clamp_min(_LEAST_FREEDOM).unsqueeze(1)
        residual = (centred_labels - fitted / root.clamp_min(1e-12)) / freedom
        error = float((residual * root).square().sum())
        if error < best[1]:
            best = (ridge, error, labels - residual)
    ridge, error, predicted = best
    return Reliability(ridge, error, variance, _thresholds(predicted.clamp(0, 1), labels))


def _thresholds(scores: Tensor, labels: Tensor) -> Tensor:
    """Find each channel's lead over the others that gives its labels with the best overlap.

    Args:
        scores: (P, C) from 0 to 1, of patches that were left out of the fit.
        labels: (P, C) of the same patches.

    Returns:
        (C,) float32 on the CPU; 0 for the background and for channels that are not there.
    """
    leads = torch.linspace(-0.9, 0.9, 37, device=scores.device)
    thresholds = torch.zeros(scores.shape[1])
    for channel in range(1, scores.shape[1]):
        others = scores[:, [c for c in range(scores.shape[1]) if c != channel]].amax(1)
        chosen = (scores[:, channel] - others).unsqueeze(1) > leads  # (P, leads)
        share = labels[:, channel : channel + 1]  # (P, 1)
        both = (chosen * share).sum(0)
        either = torch.where(chosen, 1.0, share).sum(0)
        if float(share.sum()) < _ABSENT:
            continue
        thresholds[channel] = leads[(both / either).argmax()]
    return thresholds


@dataclass(frozen=True)
class TargetState:
    """All of a target model that cannot be made again from the frames of the context."""

    ridge: float
    strength: float
    thresholds: Tensor
    """(C,) float32 on the CPU."""
    kept: FrameSums | None
    kept_frames: float


class TargetModel:
    """The regression of one video, with the verbs of `vos.propagation.context_propagation`.

    It holds one small matrix for each prompted frame, one for each of the last few frames, and
    one for all earlier frames kept, however long the video is.

    Args:
        recent: how many of the last frames are in the fit.
        keep_every: every n-th frame stays in it; 0 for none.
        keep_most: frames that those count as together at most; the older fade.
        prompt_weight: how many times a prompted frame counts.
    """

    def __init__(
        self, *, recent: int, keep_every: int, keep_most: int, prompt_weight: float
    ) -> None:
        self._keep_every = keep_every
        self._keep_most = keep_most
        self._prompt_weight = prompt_weight
        self._prompted: list[FrameSums] = []
        self._recent: deque[FrameSums] = deque(maxlen=recent)
        self._kept: FrameSums | None = None
        self._kept_frames = 0.0
        self._ridge = 0.0
        self._thresholds = torch.zeros(1)
        self._solution: Tensor | None = None
        self.strength = 0.0

    def scores(self, features: Tensor) -> Tensor:
        """Say how much each patch looks like each channel's, (h, w, D) -> (P, C).

        From 0 to 1, less a part of what small channels score too high.
        """
        if self._solution is None:
            self._solution = solve_ridge(*self._all())
        scores = (with_constant(features) @ self._solution).clamp_(0, 1)
        return scores - (_LEAD * self._thresholds).to(scores.device)

    def remember(self, number: int, features: Tensor, labels: Tensor) -> None:
        """Take in a frame with its propagated labels (P, C)."""
        sums = frame_sums(features, labels)
        self._recent.append(sums)
        if self._keep_every and number % self._keep_every == 0:
            self._keep(sums)
        self._solution = None

    def rely(self, reliability: Reliability, strength: float) -> None:
        """Use the penalty and thresholds of a given mask's fit, and so much strength."""
        self._ridge = reliability.ridge * reliability.variance
        self._thresholds = reliability.thresholds
        self.strength = strength
        self._solution = None

    def rebuild(
        self, prompted: Iterable[tuple[Tensor, Tensor]], last: Iterable[tuple[Tensor, Tensor]]
    ) -> None:
        """Make the sums of the context's frames again, whose labels have changed.

        Args:
            prompted: features (h, w, D) and labels (P, C) of the prompted frames.
            last: the same of the last frames, oldest first.
        """
        self._prompted = [frame_sums(*frame) for frame in prompted]
        self._recent.clear()
        frames = list(last)
        for frame in frames[max(0, len(frames) - (self._recent.maxlen or 0)) :]:
            self._recent.append(frame_sums(*frame))
        self._solution = None

    def forget_kept(self) -> None:
        """Drop the frames kept from before: they know nothing of a channel that is new."""
        self._kept, self._kept_frames = None, 0.0
        self._solution = None

    def remove_channel(self, channel: int) -> None:
        """Count a channel of the frames kept as background; `rebuild` does so for the others."""
        if self._kept is not None:
            cross = self._kept.cross
            remaining = [c for c in range(cross.shape[1]) if c != channel]
            merged = cross[:, remaining]
            merged[:, 0] += cross[:, channel]
            self._kept = FrameSums(self._kept.gram, merged)
        kept = [c for c in range(len(self._thresholds)) if c != channel]
        self._thresholds = self._thresholds[kept]
        self._solution = None

    def state(self) -> TargetState:
        """Return what `restore` needs beside the context's frames; shared, not copied."""
        return TargetState(
            self._ridge, self.strength, self._thresholds, self._kept, self._kept_frames
        )

    def restore(self, state: TargetState, device: torch.device) -> None:
        """Become what `state` was taken of, once `rebuild` has the context's frames."""
        self._ridge, self.strength, self._thresholds = state.ridge, state.strength, state.thresholds
        self._kept_frames = state.kept_frames
        self._kept = None
        if state.kept is not None:
            self._kept = FrameSums(state.kept.gram.to(device), state.kept.cross.to(device))
        self._solution = None

    def _keep(self, sums: FrameSums) -> None:
        if self._kept is None:
            self._kept, self._kept_frames = sums, 1.0
            return
        fade = min(1.0, (self._keep_most - 1) / self._kept_frames)
        self._kept = self._kept * fade + sums
        self._kept_frames = self._kept_frames * fade + 1

    def _all(self) -> tuple[FrameSums, float]:
        """Return the sums of all frames, and the penalty for so many."""
        total = self._prompted[0] * self._prompt_weight
        for sums in self._prompted[1:]:
            total = total + sums * self._prompt_weight
        for sums in self._recent:
            total = total + sums
        count = self._prompt_weight * len(self._prompted) + len(self._recent)
        if self._kept is not None:
            total = total + self._kept
        return total, self._ridge * (count + self._kept_frames)
