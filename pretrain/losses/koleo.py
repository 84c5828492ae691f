"""The KoLeo loss: features spread evenly over the sphere.

A. Sablayrolles et al., "Spreading vectors for similarity search", ICLR 2019, equation 2, with the
Kozachenko-Leonenko estimator of entropy; as DINOv2 uses it (M. Oquab et al., 2024, section 4).
Shapes: B images, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_EPS = 1e-8


def koleo_loss(features: Tensor) -> Tensor:
    """Return the mean of -log(distance to the nearest other feature), with gradient.

    Args:
        features: (B, D), B at least 2, of one crop of each image; they are brought to length 1.

    Returns:
        () float32. Neighbours are looked for in these B alone: the images of one process and one
        accumulated batch, so it is not that of a larger batch in parts.
    """
    with torch.autocast(features.device.type, enabled=False):
        unit = F.normalize(features.float(), dim=-1, eps=_EPS)
        with torch.no_grad():
            similarity = unit @ unit.T  # (B, B)
            nearest = similarity.fill_diagonal_(-2.0).argmax(dim=1)
        distances = F.pairwise_distance(unit, unit[nearest], eps=_EPS)
        return -(distances + _EPS).log().mean()
