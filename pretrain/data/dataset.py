"""Samples as crops, by key, and batches of them.

Every sample draws its crops from a generator seeded by (seed, epoch, position).
Shapes: V crops an image, B images of a process's batch, S side of a crop.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.data.augmentations import CropParameters, recipes
from pretrain.data.crops import crops_of_frame, make_crops
from pretrain.data.device_augmentations import pack
from pretrain.sources.decode import BrokenImageError
from pretrain.sources.mixture import Mixture
from vos.errors import InputError

_REPLACEMENTS = 50
Key = tuple[int, int, int]
"""Epoch, position in the epoch's order, sample number."""


@dataclass
class Batch:
    """The crops of B images."""

    crops: list[Tensor]
    """V tensors (B, S, S, 3) uint8 RGB."""
    tables: list[Tensor]
    """V tables (B, 12) of colour parameters for the device; empty where the workers did it."""
    broken: list[tuple[str, str]] = field(default_factory=list)
    """Names of samples that could not be read, and why; others took their place."""

    def pin_memory(self) -> Batch:
        """Move to page-locked memory; the loader calls this."""
        self.crops = [crop.pin_memory() for crop in self.crops]
        self.tables = [table.pin_memory() for table in self.tables]
        return self


@dataclass
class _Sample:
    crops: list[np.ndarray]
    parameters: list[CropParameters]
    broken: list[tuple[str, str]]


class SampleError(RuntimeError):
    """A sample could not be made into crops, for another reason than that its image is broken."""


class CropDataset(Dataset[Any]):
    """Crops of the samples of a mixture, by key."""

    def __init__(self, mixture: Mixture, config: PretrainConfig, colors: bool) -> None:
        self.mixture = mixture
        self.kinds = recipes(config)
        self.seed = config.seed
        self.colors = colors

    def __len__(self) -> int:
        return len(self.mixture)

    def __getitem__(self, key: Key) -> _Sample:
        epoch, position, index = key
        random = np.random.default_rng([self.seed, epoch, position])
        broken: list[tuple[str, str]] = []
        for _ in range(_REPLACEMENTS):
            try:
                crops, parameters = self._crops(index, random)
                return _Sample(crops, parameters, broken)
            except BrokenImageError as error:
                broken.append((self.mixture.name(index), str(error)))
                index = int(random.integers(len(self.mixture)))
            except (InputError, OSError, MemoryError):
                raise
            except Exception as error:
                raise SampleError(_sentence(self.mixture.name(index), error)) from error
        name, why = broken[-1]
        raise InputError(
            f"{_REPLACEMENTS} samples drawn one after another could not be read, the last one "
            f"{name} ({why}); run `vos-pretrain check-data` on the data"
        )

    def _crops(
        self, index: int, random: np.random.Generator
    ) -> tuple[list[np.ndarray], list[CropParameters]]:
        source, inner = self.mixture.locate(index)
        data = source.read(inner, random)
        if isinstance(data, bytes):
            return make_crops(data, self.kinds, random, colors=self.colors)
        return crops_of_frame(data, self.kinds, random, colors=self.colors)


def _sentence(name: str, error: Exception) -> str:
    """Say on one line which sample an error is of, what it is and where it comes from."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return (
        f"the sample {name} cannot be used: {type(error).__name__}: {text} "
        f"({Path(place.filename).name}, line {place.lineno})"
    )


def collate(samples: list[_Sample]) -> Batch:
    """Stack samples crop by crop."""
    views = zip(*(sample.crops for sample in samples), strict=True)
    crops = [torch.from_numpy(np.stack(view)) for view in views]
    broken = [entry for sample in samples for entry in sample.broken]
    return Batch(crops, [], broken)


def collate_with_tables(samples: list[_Sample]) -> Batch:
    """Stack samples and write down what the device has to do to their colours."""
    batch = collate(samples)
    views = zip(*(sample.parameters for sample in samples), strict=True)
    batch.tables = [pack(view) for view in views]
    return batch
