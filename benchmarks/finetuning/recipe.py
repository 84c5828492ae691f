"""DeiT's recipe of training, from timm's pieces (H. Touvron et al., ICML 2021, Table 9).

Caron et al. 2021 fine-tune by it (Table 6). Shapes: B batch, C classes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from timm.data import Mixup, create_transform
from timm.layers import DropPath, trunc_normal_
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch import Tensor, nn
from torch.utils.data import Dataset

from benchmarks.features.image_sets import ImageSet
from benchmarks.features.run_identity import later_options
from benchmarks.features.transforms import ImageTransform
from vos.backbones.backbone import Backbone
from vos.errors import InputError

_REFERENCE_BATCH = 512


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


def trainable(backbone: Backbone, classes: int, recipe: Recipe) -> nn.Module:
    """Turn a frozen backbone's network into a classifier to be trained by a recipe.

    Raises:
        InputError: timm cannot give the network a classifier.
    """
    network = cast("Any", backbone.network).float()
    if not hasattr(network, "reset_classifier"):
        raise InputError(f"{backbone.record.name} cannot be given a classifier")
    network.reset_classifier(classes)
    network.to(backbone.device)
    for layer in network.get_classifier().modules():
        if isinstance(layer, nn.Linear):
            trunc_normal_(layer.weight, std=recipe.head_std)
            nn.init.zeros_(layer.bias)
    blocks = list(getattr(network, "blocks", []))
    for number, block in enumerate(blocks):
        rate = recipe.drop_path * number / max(len(blocks) - 1, 1)
        for name in ("drop_path1", "drop_path2"):
            if hasattr(block, name) and rate:
                setattr(block, name, DropPath(rate))
    network.requires_grad_(True)
    return cast("nn.Module", network.train())


def optimizer_and_schedule(
    network: nn.Module, recipe: Recipe
) -> tuple[torch.optim.Optimizer, CosineLRScheduler]:
    """Return AdamW and the cosine with warm-up, both over epochs."""
    scale = recipe.train_batch / _REFERENCE_BATCH
    optimizer = create_optimizer_v2(
        network,
        opt="adamw",
        lr=recipe.lr * scale,
        weight_decay=recipe.weight_decay,
        layer_decay=recipe.layer_decay,
    )
    schedule = CosineLRScheduler(
        optimizer,
        t_initial=recipe.epochs,
        lr_min=recipe.min_lr,
        warmup_t=min(recipe.warmup_epochs, recipe.epochs - 1),
        warmup_lr_init=recipe.warmup_lr,
    )
    return optimizer, schedule


def mixer(recipe: Recipe, classes: int) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return what turns images (B, 3, H, W) and labels (B,) into mixed ones and targets (B, C)."""
    if recipe.mixes:
        mix = Mixup(
            mixup_alpha=recipe.mixup,
            cutmix_alpha=recipe.cutmix,
            label_smoothing=recipe.smoothing,
            num_classes=classes,
        )
        return cast("Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]", mix)

    def smooth(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        one_hot = nn.functional.one_hot(labels, classes).float()
        return images, one_hot * (1 - recipe.smoothing) + recipe.smoothing / classes

    return smooth


class RecipeImages(Dataset[tuple[Tensor, int]]):
    """An epoch's training images, augmented; what is drawn depends on seed, epoch and place."""

    def __init__(
        self, images: ImageSet, view: ImageTransform, recipe: Recipe, seed: int, epoch: int
    ) -> None:
        self.images, self.seed, self.epoch = images, seed, epoch
        generator = torch.Generator().manual_seed(mixed_seed(seed, epoch))
        order = torch.randperm(len(images), generator=generator)
        self.order = order.repeat_interleave(recipe.repeats)[: len(images)].tolist()
        self._augment = create_transform(
            view.side,
            is_training=True,
            auto_augment=recipe.auto_augment or None,
            interpolation="bicubic",
            re_prob=recipe.random_erasing,
            re_mode="pixel",
            mean=view.mean,
            std=view.std,
        )

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        number = self.order[place]
        image = Image.fromarray(self.images.pixels(number))
        with seeded(mixed_seed(self.seed, self.epoch, place)):
            return self._augment(image), int(self.images.labels[number])


def mixed_seed(*numbers: int) -> int:
    """Return one seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed all generators that timm draws from while the block runs, then put them back."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - timm uses it
    try:
        random.seed(seed)
        np.random.seed(seed % (1 << 32))  # noqa: NPY002
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
