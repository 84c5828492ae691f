"""DeiT's augmentation and mixing, from timm's pieces, the same on every run with the same seed.

Shapes: B batch, C classes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from PIL import Image
from timm.data import Mixup, create_transform
from torch import Tensor, nn
from torch.utils.data import Dataset

from benchmarks.features.image_sets import ImageSet
from benchmarks.features.transforms import ImageTransform
from benchmarks.finetuning.recipe import Recipe


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
        self, images: ImageSet, transform: ImageTransform, recipe: Recipe, seed: int, epoch: int
    ) -> None:
        self.images, self.seed, self.epoch = images, seed, epoch
        generator = torch.Generator().manual_seed(mixed_seed(seed, epoch))
        order = torch.randperm(len(images), generator=generator)
        self.order = order.repeat_interleave(recipe.repeats)[: len(images)].tolist()
        self._augment = create_transform(
            transform.side,
            is_training=True,
            auto_augment=recipe.auto_augment or None,
            interpolation="bicubic",
            re_prob=recipe.random_erasing,
            re_mode="pixel",
            mean=transform.mean,
            std=transform.std,
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
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed all generators that timm draws from while the block runs, then put them back.

    Args:
        seed: of all of them.
        device: whose generator is drawn from beside the CPU's. None in loader workers: a GPU that
            is touched in a forked process ends it.
    """
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - timm uses it
    try:
        random.seed(seed)
        np.random.seed(seed % (1 << 32))  # noqa: NPY002
        gpus = [device] if device is not None and device.type == "cuda" else []
        with torch.random.fork_rng(devices=gpus):
            torch.manual_seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
