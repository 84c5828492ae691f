"""Linear classifiers on frozen features, one for each learning rate, trained side by side.

Caron et al. 2021, section 4.1: SGD with momentum 0.9 and no decay, learning rate scaled by
batch/256, cosine over the epochs. The loss is the sum over the classifiers, so that each is
trained as if it were alone, on one pass of the network over the data.

Shapes: G learning rates, B batch, D width, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.classification.accuracy import top_hits
from benchmarks.classification.training_state import ResumableTraining

_MOMENTUM = 0.9
_START_STD = 0.01
_REFERENCE_BATCH = 256


class LinearHeads(nn.Module):
    """One linear layer for each learning rate, all from the same start."""

    def __init__(self, width: int, classes: int, count: int, seed: int) -> None:
        super().__init__()
        start = torch.randn(classes, width, generator=torch.Generator().manual_seed(seed)).mul_(
            _START_STD
        )
        layers = [nn.Linear(width, classes) for _ in range(count)]
        for layer in layers:
            layer.weight.data.copy_(start)
            layer.bias.data.zero_()
        self.layers = nn.ModuleList(layers)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits (G, B, C) of features (B, D)."""
        return torch.stack([layer(features) for layer in self.layers])


class HeadTraining(ResumableTraining):
    """The classifiers, their optimizer, and how far the training is."""

    def __init__(
        self,
        heads: LinearHeads,
        learning_rates: Sequence[float],
        *,
        batch: int,
        epochs: int,
    ) -> None:
        self.heads = heads
        groups = [
            {"params": list(layer.parameters()), "lr": lr * batch / _REFERENCE_BATCH}
            for layer, lr in zip(heads.layers, learning_rates, strict=True)
        ]
        self._optimizer = torch.optim.SGD(groups, momentum=_MOMENTUM, weight_decay=0)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, epochs)
        super().__init__(heads=heads, optimizer=self._optimizer, schedule=self._schedule)

    def step(self, features: Tensor, labels: Tensor) -> float:
        """Train on a batch (B, D) with labels (B,); return the mean loss of the classifiers."""
        logits = self.heads(features)
        count = len(logits)
        flat = logits.flatten(0, 1)  # (G B, C)
        loss = F.cross_entropy(flat, labels.repeat(count)) * count
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self.step_in_epoch += 1
        return float(loss.detach()) / count

    def end_epoch(self) -> None:
        """Go on to the next epoch's learning rates."""
        self._schedule.step()
        super().end_epoch()


@torch.no_grad()
def head_accuracies(heads: LinearHeads, features: Tensor, labels: Tensor) -> list[dict[str, float]]:
    """Return top-1 and top-5 accuracy of each classifier in percent.

    With fewer than five classes top-5 is always 100.

    Args:
        heads: the classifiers.
        features: (M, D), on any device.
        labels: (M,).
    """
    device = next(heads.parameters()).device
    correct = torch.zeros(len(heads.layers), 2, dtype=torch.int64)
    for start in range(0, len(features), 1024):
        logits = heads(features[start : start + 1024].to(device))
        correct += top_hits(logits, labels[start : start + 1024].to(device)).cpu()
    shares = (100 * correct.double() / len(features)).tolist()
    return [{"top1": one, "top5": five} for one, five in shares]
