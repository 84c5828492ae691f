"""DeiT's recipe of training, as options (H. Touvron et al., ICML 2021, Table 9).

Caron et al. 2021 fine-tune by it (Table 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.features.run_identity import later_options
from vos.errors import InputError

Amp = Literal["off", "bf16", "fp16"]

_OPTIONS_0_1 = (
    *("epochs", "train_batch", "lr", "min_lr", "warmup_lr", "warmup_epochs", "weight_decay"),
    *("layer_decay", "drop_path", "mixup", "cutmix", "smoothing", "auto_augment"),
    *("random_erasing", "head_std", "repeats"),
)
"""The options of version 0.1, in the order in which they are in a run's identity."""


@dataclass(frozen=True)
class Recipe:
    """Every number of the recipe; the defaults are DeiT's."""

    epochs: int = 100
    """Passes over the training images. DeiT: 300 on ImageNet, 1000 on small sets."""
    train_batch: int = 1024
    """Images a step, over all processes."""
    lr: float = 5e-4
    """Learning rate for a batch of 512."""
    min_lr: float = 1e-5
    """Learning rate at the end of the cosine."""
    warmup_lr: float = 1e-6
    """Learning rate at the start of the warm-up."""
    warmup_epochs: int = 5
    """Epochs of linear warm-up."""
    weight_decay: float = 0.05
    """Of AdamW; biases, norms, class token and position embeddings have none."""
    layer_decay: float | None = None
    """Factor of the learning rate from each block to the one before it; None: the same for all."""
    drop_path: float = 0.1
    """Share of skipped residuals in the last block, rising from 0 in the first."""
    mixup: float = 0.8
    """Alpha of mixup; 0 turns it off."""
    cutmix: float = 1.0
    """Alpha of cutmix; 0 turns it off."""
    smoothing: float = 0.1
    """Of the labels."""
    auto_augment: str = "rand-m9-mstd0.5-inc1"
    """Policy in timm's notation; empty turns it off."""
    random_erasing: float = 0.25
    """Share of images with an erased rectangle."""
    head_std: float = 0.02
    """Standard deviation of the classifier's first weights. DINO's authors took smaller ones."""
    repeats: int = 3
    """Times that an image is in a batch, augmented anew each time."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a number is out of its range.
        """
        if min(self.epochs, self.train_batch, self.repeats) < 1 or self.lr <= 0:
            raise InputError(
                f"epochs {self.epochs}, train-batch {self.train_batch} and repeats {self.repeats} "
                f"must be at least 1, and lr {self.lr} above 0"
            )
        shares = (self.drop_path, self.smoothing, self.random_erasing)
        if min(shares) < 0 or max(shares) >= 1 or min(self.mixup, self.cutmix) < 0:
            raise InputError(
                f"drop-path, smoothing and random-erasing are {shares}; expected shares from 0 to "
                "below 1, and mixup and cutmix not negative"
            )
        decay = 1.0 if self.layer_decay is None else self.layer_decay
        if not 0 < decay <= 1 or self.head_std <= 0:
            raise InputError(
                f"layer-decay is {self.layer_decay} and head-std {self.head_std}; expected above 0 "
                "and a decay of at most 1"
            )

    @property
    def mixes(self) -> bool:
        """Whether images are mixed in pairs."""
        return self.mixup > 0 or self.cutmix > 0

    def identity(self) -> str:
        """Return what tells recipes apart, the same for equal ones of all versions."""
        values = {name: getattr(self, name) for name in _OPTIONS_0_1}
        values |= later_options(self, _OPTIONS_0_1)
        return f"Recipe({', '.join(f'{name}={value!r}' for name, value in values.items())})"
