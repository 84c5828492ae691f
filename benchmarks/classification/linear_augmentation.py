"""Training images of the linear evaluation: random crop and flip, the same on every run.

What is drawn for an image depends on the seed, the epoch and the image alone, so that a resumed
run, and one with other workers, sees the same crops.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import transforms

from benchmarks.features.image_sets import ImageSet
from benchmarks.features.transforms import ImageTransform


class Augmented(Dataset[tuple[Tensor, int]]):
    """Images as a random resized crop, flipped at random, with their labels."""

    def __init__(self, images: ImageSet, transform: ImageTransform, seed: int, epoch: int) -> None:
        self.images, self.transform = images, transform
        self.seed, self.epoch = seed, epoch
        self._augment = transforms.Compose(
            [transforms.RandomResizedCrop(transform.side), transforms.RandomHorizontalFlip()]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images.pixels(number))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(hash((self.seed, self.epoch, number)) % (1 << 63))
            image = self._augment(image)
        return self.transform.normalize(image), int(self.images.labels[number])


def epoch_batches(count: int, batch: int, seed: int, epoch: int) -> Iterator[list[int]]:
    """Give the numbers of an epoch's batches, shuffled anew each epoch; the last may be smaller."""
    generator = torch.Generator().manual_seed(hash((seed, epoch)) % (1 << 63))
    order = torch.randperm(count, generator=generator).tolist()
    for start in range(0, count, batch):
        yield order[start : start + batch]
