"""k-NN accuracy of the teacher's features on labelled images.

M. Caron et al., ICCV 2021, section 4.1 (k = 20, votes exp(s / 0.07)).
Shapes: N labelled images, D width.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import torch
from torch import Tensor

from pretrain.sources.mixture import Mixture
from vos.errors import InputError

NEIGHBORS = 20
TEMPERATURE = 0.07
_QUERY_EVERY = 5  # every fifth image of a class is asked for, the others are its neighbours
_MOST_IMAGES = 10_000


def labeled_images(mixture: Mixture) -> tuple[np.ndarray, np.ndarray]:
    """Choose images of a labelled mixture; the folder an image lies in is its class.

    Returns:
        (N,) sample numbers and (N,) class numbers, N at most 10,000, spread evenly.

    Raises:
        InputError: fewer than two classes.
    """
    classes: dict[str, int] = {}
    labels = np.empty(len(mixture), dtype=np.int64)
    for index in range(len(mixture)):
        folder = str(PurePosixPath(mixture.name(index)).parent)
        labels[index] = classes.setdefault(folder, len(classes))
    if len(classes) < 2:
        raise InputError("k-NN needs a folder with at least two class folders of images in it")
    count = min(len(mixture), _MOST_IMAGES)
    chosen = np.linspace(0, len(mixture) - 1, count).round().astype(np.int64)
    return chosen, labels[chosen]


def knn_accuracy(features: Tensor, labels: np.ndarray) -> dict[str, float]:
    """Classify every fifth image by its nearest neighbours among the others.

    Args:
        features: (N, D) of length 1.
        labels: (N,) class numbers.

    Returns:
        Shares from 0 to 1 of queries whose class is first, and among the first five.
    """
    is_query = np.arange(len(labels)) % _QUERY_EVERY == 0
    target = torch.from_numpy(labels)
    neighbors, neighbor_labels = features[~is_query], target[~is_query]
    queries, query_labels = features[is_query], target[is_query]
    k = min(NEIGHBORS, len(neighbors))
    similarity, nearest = (queries @ neighbors.T).topk(k, dim=1)
    votes = torch.zeros(len(queries), int(target.max()) + 1)
    votes.scatter_add_(1, neighbor_labels[nearest], (similarity / TEMPERATURE).exp())
    ranked = votes.topk(min(5, votes.shape[1]), dim=1).indices
    correct = ranked == query_labels[:, None]
    return {
        "knn_top1": correct[:, 0].float().mean().item(),
        "knn_top5": correct.any(dim=1).float().mean().item(),
    }
