"""Whitening of descriptors, as copy detection uses it (Caron et al. 2021, section 4.2.2).

Shapes: N images that it is learnt from, M descriptors, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vos.errors import InputError
from vos.runtime.devices import as_float64

_FLOOR = 1e-5
"""Smallest eigenvalue kept as it is, as a share of the largest."""

_POWER = -0.5


@dataclass(frozen=True)
class Whitening:
    """A learnt whitening."""

    mean: Tensor
    """(D,), subtracted first."""
    projection: Tensor
    """(D, D): one row a direction, strongest first."""

    def __call__(self, descriptors: Tensor) -> Tensor:
        """Whiten descriptors (M, D); the result is not normalized."""
        return (descriptors - self.mean) @ self.projection.T


def learn_whitening(features: Tensor) -> Whitening:
    """Learn a whitening from descriptors of other images.

    The covariance is the uncentered one, as in the published code: the mean is taken off the
    descriptors it is applied to, not off those it is learnt from.

    Args:
        features: (N, D) float.

    Raises:
        InputError: no descriptors, or all are zero or not finite.
    """
    if not len(features) or not bool(features.isfinite().all()) or not bool(features.any()):
        raise InputError(
            f"whitening cannot be learnt from {len(features)} descriptors that are empty, zero or "
            "not finite; give a folder of other photographs"
        )
    wide = as_float64(features)
    values, directions = torch.linalg.eigh(wide.T @ wide / len(wide))
    values = values.clamp(min=float(values.max()) * _FLOOR)
    projection = (directions * values**_POWER).T.flip(0)
    return Whitening(features.mean(0), projection.to(features))
