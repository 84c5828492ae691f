"""Logistic regression on cached features: a fast stand-in for the linear evaluation.

It is not the published protocol: images are not augmented, and L-BFGS finds the optimum of a
regularized loss. The strength of the penalty is chosen on a tenth of the training images.

Shapes: N training and M test images, D width, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.classification.accuracy import top_hits
from benchmarks.classification.defaults import PENALTIES
from benchmarks.classification.labelled_features import LabelledFeatures
from vos.errors import InputError
from vos.runtime.progress import progress

_HELD_OUT = 10
"""One in so many training images is kept to choose the penalty on."""

_BLOCK = 1 << 16
_ITERATIONS = 100


@dataclass(frozen=True)
class LogisticResult:
    """Accuracies in percent, and the penalty that was chosen."""

    top1: float
    top5: float
    penalty: float
    held_out_top1: dict[float, float]
    """Accuracy on the held-out training images by penalty."""


def logistic_regression(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    *,
    penalties: Sequence[float] = PENALTIES,
    seed: int = 0,
    on_fit: Callable[[int], None] | None = None,
) -> LogisticResult:
    """Fit on the training features and score the test features.

    Features are brought to mean 0 and standard deviation 1 over the training set.

    Args:
        train: (N, D) float32.
        train_labels: (N,) int64.
        test: (M, D) float32, on the same device.
        test_labels: (M,) int64.
        penalties: strengths of the penalty on the squared weights to choose from.
        seed: of the draw of held-out images.
        on_fit: called with 1 after each fit.

    Raises:
        InputError: no penalty, or one that is negative.
    """
    if not penalties or min(penalties) < 0:
        raise InputError(f"penalties are {list(penalties)}; expected numbers that are not negative")
    classes = int(max(train_labels.max(), test_labels.max())) + 1
    mean, std = train.mean(0), train.std(0).clamp(min=1e-6)
    train, test = (train - mean) / std, (test - mean) / std
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    chosen_on, fitted_on = order[: len(train) // _HELD_OUT], order[len(train) // _HELD_OUT :]
    held_out: dict[float, float] = {}
    for penalty in penalties if len(penalties) > 1 and len(chosen_on) else ():
        fitted = fit(train[fitted_on], train_labels[fitted_on], classes, penalty)
        held_out[penalty] = accuracies(fitted, train[chosen_on], train_labels[chosen_on])[0]
        if on_fit is not None:
            on_fit(1)
    chosen = max(held_out, key=lambda p: held_out[p]) if held_out else penalties[0]
    fitted = fit(train, train_labels, classes, chosen)
    top1, top5 = accuracies(fitted, test, test_labels)
    if on_fit is not None:
        on_fit(1)
    return LogisticResult(top1, top5, chosen, held_out)


def fit(features: Tensor, labels: Tensor, classes: int, penalty: float) -> Tensor:
    """Minimise the mean loss plus penalty / 2 times the squared weights.

    Returns:
        (D + 1, C): the weights, the intercepts last.
    """
    weights = features.new_zeros(features.shape[1] + 1, classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = penalty / 2 * weights[:-1].square().sum()
        total.backward()
        value = total.detach()
        for start in range(0, len(features), _BLOCK):
            logits = features[start : start + _BLOCK] @ weights[:-1] + weights[-1]
            loss = F.cross_entropy(logits, labels[start : start + _BLOCK], reduction="sum")
            loss = loss / len(features)
            loss.backward()
            value = value + loss.detach()
        return value

    optimizer.step(closure)
    return weights.detach()


def accuracies(weights: Tensor, features: Tensor, labels: Tensor) -> tuple[float, float]:
    """Return top-1 and top-5 accuracy in percent of weights (D + 1, C)."""
    logits = features @ weights[:-1] + weights[-1]
    top1, top5 = (100 * top_hits(logits, labels).cpu().double() / len(labels)).tolist()
    return top1, top5


def fit_labelled(
    features: LabelledFeatures, penalties: Sequence[float], seed: int, device: torch.device
) -> LogisticResult:
    """Fit and score features on a device, with progress."""
    sets = (features.train, features.train_labels, features.test, features.test_labels)
    with progress("logistic regression", len(penalties) + 1, "fits") as advance:
        return logistic_regression(
            *(values.to(device) for values in sets),
            penalties=penalties,
            seed=seed,
            on_fit=advance,
        )
