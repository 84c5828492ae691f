"""The features of many images, computed once: kept on disk, shared out, resumed.

Features lie in chunks of images in a folder named by a digest of all that they depend on: the
weights, the precision, the transform, the kind of features, the files. A chunk with another digest
or a wrong checksum is computed again. Each process of a team computes every so-many-th chunk.

Shapes: N images, B batch, D width, H W pixels.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from benchmarks.features.choices import FeatureKind, LoaderOptions
from benchmarks.features.descriptors import describe_images
from benchmarks.features.image_sets import ImageSet
from benchmarks.features.run_identity import later_options
from benchmarks.features.transforms import ImageTransform
from vos.backbones.backbone import Backbone, weights_digest
from vos.errors import InputError
from vos.files import atomic_path
from vos.runtime.devices import precision_name
from vos.runtime.distributed import Team
from vos.runtime.progress import progress

CHUNK = 256
"""Images a file: what a stop can cost at most, and what processes share out."""


SCALES = (1.0, 2**-0.5, 0.5)
"""Sizes of the multi-scale descriptors of retrieval, as shares of the image's."""


_FORMAT = 1
_OPTIONS_0_1 = ("backbone", "transform", "kind", "loader", "cache", "team", "multi_scale")


@dataclass(frozen=True)
class Extraction:
    """Which features are computed, and how."""

    backbone: Backbone
    transform: ImageTransform
    kind: FeatureKind
    loader: LoaderOptions
    cache: Path
    """Folder that keeps the features of all runs."""
    team: Team
    multi_scale: bool = False
    """Mean of the features at three sizes, brought to length 1."""

    def __call__(self, images: ImageSet, label: str) -> Tensor:
        """Return the features of all images, (N, D) float32 on the CPU, in every process.

        Raises:
            InputError: an image cannot be read, or the cache cannot be written.
        """
        digest = self.digest(images)
        folder = self.cache / digest[:32]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the feature cache {folder} cannot be made ({error.strerror}); give another folder"
            ) from None
        count = -(-len(images) // CHUNK)
        own = range(self.team.rank, count, self.team.size)
        missing = [c for c in own if read_chunk(folder, digest, c, images) is None]
        self._compute(images, folder, digest, missing, label)
        self.team.gather(None)
        chunks = [read_chunk(folder, digest, c, images) for c in range(count)]
        absent = [c for c, chunk in enumerate(chunks) if chunk is None]
        if absent:
            raise OSError(
                f"{folder} lacks chunk {absent[0]} after all were computed; do all processes see "
                "the same folder?"
            )
        return torch.cat([chunk for chunk in chunks if chunk is not None])

    def digest(self, images: ImageSet) -> str:
        """Return a digest of all that the features depend on."""
        about = {
            "format": _FORMAT,
            "chunk": CHUNK,
            "network": type(self.backbone.network).__qualname__,
            "weights": weights_digest(self.backbone),
            "precision": precision_name(self.backbone.dtype),
            "device": self.backbone.device.type,
            "view": self.transform.identity(),
            "kind": self.kind,
            "multi_scale": self.multi_scale,
            "images": images.fingerprint(),
            **later_options(self, _OPTIONS_0_1),
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    def _compute(
        self, images: ImageSet, folder: Path, digest: str, chunks: list[int], label: str
    ) -> None:
        total = sum(len(_numbers(c, images)) for c in chunks)
        if not total:
            return
        batch = self.loader.batch if self.transform.one_size else 1
        batches = [
            numbers[start : start + batch]
            for numbers in (_numbers(c, images) for c in chunks)
            for start in range(0, len(numbers), batch)
        ]
        features = self._features(images, batches)
        with progress(label, total, "images") as advance:
            for chunk in chunks:
                size = len(_numbers(chunk, images))
                parts: list[Tensor] = []
                while sum(len(part) for part in parts) < size:
                    parts.append(next(features))
                    advance(len(parts[-1]))
                write_chunk(folder, digest, chunk, torch.cat(parts))

    def _features(self, images: ImageSet, batches: list[range]) -> Iterator[Tensor]:
        loader = DataLoader(
            TransformedImages(images, self.transform),
            batch_sampler=[list(numbers) for numbers in batches],
            num_workers=self.loader.workers,
            pin_memory=self.backbone.device.type == "cuda",
            worker_init_fn=quiet_worker,
        )
        for inputs in loader:
            yield self.describe(inputs).cpu()

    def describe(self, inputs: Tensor) -> Tensor:
        """Return the features (B, D) of the network's inputs (B, 3, H, W)."""
        if not self.multi_scale:
            return describe_images(self.backbone, inputs, self.kind)
        summed = torch.zeros(())
        for scale in SCALES:
            sized = inputs if scale == 1 else scaled(inputs, scale)
            summed = describe_images(self.backbone, sized, self.kind) + summed.to(
                self.backbone.device
            )
        return F.normalize(summed / len(SCALES), dim=1)


def scaled(inputs: Tensor, scale: float) -> Tensor:
    """Resize the network's inputs (B, 3, H, W), bilinear, by a factor."""
    return F.interpolate(inputs, scale_factor=scale, mode="bilinear", align_corners=False)


class TransformedImages(Dataset[Tensor]):
    """Images as the network sees them."""

    def __init__(self, images: ImageSet, transform: ImageTransform) -> None:
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> Tensor:
        return self.transform(self.images.pixels(number))


def read_chunk(folder: Path, digest: str, chunk: int, images: ImageSet) -> Tensor | None:
    """Return a chunk's features (n, D); None where it is absent, foreign or damaged."""
    path = _path(folder, chunk)
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as handle:
            header: dict[str, Any] = handle.metadata() or {}
            features: Tensor = handle.get_tensor("features")
    except (SafetensorError, OSError, ValueError):
        header, features = {}, torch.empty(0)
    whole = header.get("digest") == f"{digest}/{chunk}" and header.get("sha256") == _checksum(
        features
    )
    if whole and len(features) == len(_numbers(chunk, images)):
        return features
    warnings.warn(f"{path} is damaged; its images are computed again", stacklevel=2)
    return None


def write_chunk(folder: Path, digest: str, chunk: int, features: Tensor) -> None:
    """Keep a chunk's features, whole or not at all."""
    features = features.contiguous()
    header = {"digest": f"{digest}/{chunk}", "sha256": _checksum(features)}
    with atomic_path(_path(folder, chunk)) as beside:
        save_file({"features": features}, beside, metadata=header)


def _path(folder: Path, chunk: int) -> Path:
    return folder / f"chunk-{chunk:05d}.safetensors"


def _numbers(chunk: int, images: ImageSet) -> range:
    return range(chunk * CHUNK, min((chunk + 1) * CHUNK, len(images)))


def _checksum(features: Tensor) -> str:
    values = np.ascontiguousarray(features.numpy())
    return hashlib.sha256(values.tobytes()).hexdigest()


def quiet_worker(_number: int) -> None:
    """Leave the processor to the other workers."""
    torch.set_num_threads(1)
