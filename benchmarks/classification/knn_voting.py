"""Weighted k-NN classification (Caron et al. 2021, section 4.1 and Table 2).

Shapes: N training and M test images, D width, C classes, k neighbors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.classification.defaults import TEMPERATURE
from benchmarks.classification.labelled_features import LabelledFeatures
from vos.errors import InputError
from vos.runtime.progress import progress

_SIMILARITIES = 1 << 26
"""Similarities in memory at once: a block of test images by all training images."""

_SHOWN_CLASSES = 5


@dataclass(frozen=True)
class Accuracy:
    """Shares of the test images, in percent."""

    k: int
    top1: float
    top5: float


@torch.no_grad()
def knn_accuracy(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    *,
    ks: Sequence[int],
    temperature: float = TEMPERATURE,
    on_block: Callable[[int], None] | None = None,
) -> list[Accuracy]:
    """Classify by the votes exp(cosine / temperature) of the k nearest training images.

    All k are scored in one pass. Classes without a vote come after the others, by their number,
    as in the published code: top-5 with fewer than five neighbors depends on that.

    Args:
        train: (N, D) float, of any length; each row is normalized.
        train_labels: (N,) int64.
        test: (M, D) float.
        test_labels: (M,) int64.
        ks: neighbors to vote, each from 1 to N.
        temperature: of the votes.
        on_block: called with the number of test images after each block.

    Raises:
        InputError: no images, one class, or a k that is not in 1..N.
    """
    check_sets(train_labels, test_labels)
    if not ks or min(ks) < 1 or max(ks) > len(train):
        raise InputError(
            f"k is {', '.join(map(str, ks)) or 'missing'}; expected 1 to {len(train)}, the number "
            "of training images"
        )
    classes = int(max(train_labels.max(), test_labels.max())) + 1
    train, test = F.normalize(train.float(), dim=1), F.normalize(test.float(), dim=1)
    correct = torch.zeros(len(ks), 2, dtype=torch.int64, device=test.device)
    step = max(1, _SIMILARITIES // len(train))
    for start in range(0, len(test), step):
        block, truth = test[start : start + step], test_labels[start : start + step, None]
        similarity, neighbors = (block @ train.T).topk(max(ks), dim=1)
        voted = train_labels[neighbors]
        weight = (similarity / temperature).exp()
        for row, k in enumerate(ks):
            votes = weight.new_zeros(len(block), classes)
            votes.scatter_add_(1, voted[:, :k], weight[:, :k])
            hit = votes.sort(dim=1, descending=True, stable=True).indices == truth
            correct[row, 0] += hit[:, 0].sum()
            correct[row, 1] += hit[:, :_SHOWN_CLASSES].sum()
        if on_block is not None:
            on_block(len(block))
    shares = (100 * correct.cpu().double() / len(test)).tolist()
    return [Accuracy(k, one, five) for k, (one, five) in zip(ks, shares, strict=True)]


def check_sets(train_labels: Tensor, test_labels: Tensor) -> None:
    """Refuse sets that nothing can be learnt or measured on.

    Raises:
        InputError: a set is empty, or the training set has one class.
    """
    for name, labels in (("training", train_labels), ("test", test_labels)):
        if not len(labels):
            raise InputError(f"the {name} set is empty; it needs at least one image a class")
    if len(train_labels.unique()) < 2:
        raise InputError("the training set has one class; classification needs two or more")


def vote(
    features: LabelledFeatures, ks: tuple[int, ...], temperature: float, device: torch.device
) -> list[Accuracy]:
    """Score features on a device, with progress."""
    check_sets(features.train_labels, features.test_labels)
    with progress("votes", len(features.test), "images") as advance:
        return knn_accuracy(
            features.train.to(device),
            features.train_labels.to(device),
            features.test.to(device),
            features.test_labels.to(device),
            ks=ks,
            temperature=temperature,
            on_block=advance,
        )
