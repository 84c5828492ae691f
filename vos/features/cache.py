"""Features kept on disk, so that other propagation settings cost the propagation alone.

An entry is found by a digest of all that its values depend on: the weights themselves, the code of
a backbone that is not of this package, the precision, and the pixels as the network gets them,
which the frame, the size rule and the normalisation make. Nothing is trusted by its name: an entry
is used if its header repeats the digest and its values have the checksum of the header; otherwise
it is computed again.

Shapes: B batch, D width, H' W' pixels of the network's input, h w patches.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vos.backbones.adapters.code import code_digest
from vos.backbones.backbone import Backbone
from vos.backbones.input_size import DEFAULT_SHORT_SIDE, DEFAULT_SIZE_MULTIPLE, InputRule
from vos.backbones.weights_record import network_digest
from vos.errors import InputError
from vos.files import atomic_path
from vos.runtime.devices import precision_name, resolve_precision

Storage = Literal["own", "fp32", "bf16", "fp16"]
_FORMAT = 1
_SHARD = 2  # entries lie in folders named by so many digits


class CachedBackbone(Backbone):
    """A backbone that keeps the features of each image on disk and computes none twice.

    It stands in for the one it is made of, wherever a `Backbone` is taken. What is kept are the
    last block's patch features, as `forward` and plain `features` give them. Class tokens, other
    blocks and class attention are computed each time, and not rounded.

    With `storage` "own" it gives the same features to the bit; a shorter format rounds them once,
    on the way to the disk and in what it returns, so that the first run and the next have the same
    features.

    Attributes:
        inner: the backbone that computes.
        found: images whose features came from the disk so far.
        computed: images whose features were computed so far.
    """

    def __init__(self, backbone: Backbone, folder: str | Path, storage: Storage = "own") -> None:
        """Wrap `backbone`; `folder` is made if need be.

        Raises:
            InputError: the folder cannot be made.
        """
        super().__init__(
            backbone.network,
            stride=backbone.stride,
            dim=backbone.dim,
            mean=backbone.mean,
            std=backbone.std,
            record=backbone.record,
        )
        self.inner = backbone
        self.depth = backbone.depth
        self.has_class_token = backbone.has_class_token
        self.has_class_attention = backbone.has_class_attention
        self.needs_whole_patches = backbone.needs_whole_patches
        self.computes_in_16_bits = backbone.computes_in_16_bits
        self.runs_channels_last = backbone.runs_channels_last
        self.found = 0
        self.computed = 0
        self._root = Path(folder)
        self._storage = storage
        self._writable = True
        self._open()

    def _open(self) -> None:
        """Go to the entries of the backbone as it is now, on its device and in its precision.

        Raises:
            InputError: their folder cannot be made.
        """
        inner = self.inner
        self._placed = _placement(inner)
        own = self._storage == "own"
        self._stored = inner.dtype if own else resolve_precision(self._storage, inner.device)
        self._identity = _identity(inner, self._stored)
        self._folder = self._root / self._identity[:16]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the feature cache {self._root} cannot be made ({error.strerror}); give another "
                "folder"
            ) from None

    def _follow(self) -> None:
        """Go to other entries if PyTorch's `to`, or the inner backbone's `place`, moved it."""
        if self._placed != _placement(self.inner):
            self._open()

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, D, h, w) of normalised images (B, 3, H', W'); see `Backbone`."""
        self._follow()
        keys = [self._key(image) for image in images]
        entries = [self._read(key) for key in keys]
        absent = [i for i, features in enumerate(entries) if features is None]
        if absent:
            fresh = self.inner(images[absent]).to(self._stored).cpu()
            for i, features in zip(absent, fresh, strict=True):
                entries[i] = features
                self._write(keys[i], features)
        self.computed += len(absent)
        self.found += len(entries) - len(absent)
        stacked = torch.stack([features for features in entries if features is not None])
        return stacked.to(device=self.device, dtype=self.dtype)

    def block_features(
        self, images: Tensor, numbers: Sequence[int]
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Compute the map and the class token of each block, without the cache; see `Backbone`."""
        return self.inner.block_features(images, numbers)

    def class_attention(self, images: Tensor) -> Tensor:
        """Compute the class token's attention, without the cache; see `Backbone`."""
        return self.inner.class_attention(images)

    def to_input(self, images: Tensor) -> Tensor:
        """Move normalised images to the network's device and dtype."""
        return self.inner.to_input(images)

    def input_size(
        self,
        height: int,
        width: int,
        *,
        short_side: int = DEFAULT_SHORT_SIDE,
        size_multiple: int = DEFAULT_SIZE_MULTIPLE,
    ) -> tuple[int, int]:
        """Return (H', W') for a frame's size; see `Backbone`."""
        size = {"short_side": short_side, "size_multiple": size_multiple}
        return self.inner.input_size(height, width, **size)

    def preprocess(
        self,
        frame: np.ndarray,
        *,
        short_side: int = DEFAULT_SHORT_SIDE,
        size_multiple: int = DEFAULT_SIZE_MULTIPLE,
        rule: InputRule | None = None,
    ) -> Tensor:
        """Return the network's input (1, 3, H', W') of a frame; see `Backbone`."""
        size = {"short_side": short_side, "size_multiple": size_multiple}
        return self.inner.preprocess(frame, **size, rule=rule)

    def place(self, device: torch.device, dtype: torch.dtype) -> CachedBackbone:
        """Move the backbone to a device and a precision, whose entries are others; return itself.

        Raises:
            InputError: the folder of those entries cannot be made.
        """
        self.inner.place(device, dtype)
        self._open()
        return self

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the features."""
        return self.inner.dtype

    def describe(self) -> dict[str, Any]:
        """Return what a run's record says; rounding by the cache is part of it."""
        self._follow()
        described = self.inner.describe()
        if self._stored != self.inner.dtype:
            described["stored_precision"] = precision_name(self._stored)
        return described

    def path(self, key: str) -> Path:
        """Return the file of an entry."""
        return self._folder / key[:_SHARD] / f"{key}.safetensors"

    def _key(self, image: Tensor) -> str:
        digest = hashlib.sha256(self._identity.encode())
        digest.update(repr((tuple(image.shape), image.dtype)).encode())
        digest.update(_bytes(image))
        return digest.hexdigest()

    def _read(self, key: str) -> Tensor | None:
        """Return the features (D, h, w) of an entry; None where it is absent, foreign or broken."""
        path = self.path(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as handle:
                header = handle.metadata() or {}
                features = handle.get_tensor("features")
        except (SafetensorError, OSError, ValueError):
            return None
        whole = header.get("key") == key and header.get("sha256") == _checksum(features)
        fits = features.dtype == self._stored and features.ndim == 3
        return features if whole and fits and len(features) == self.dim else None

    def _write(self, key: str, features: Tensor) -> None:
        """Keep an entry; a disk that takes no more is said once and ends the keeping."""
        if not self._writable:
            return
        features = features.contiguous()
        header = {"key": key, "sha256": _checksum(features)}
        try:
            with atomic_path(self.path(key)) as beside:
                save_file({"features": features}, beside, metadata=header)
        except (OSError, SafetensorError) as error:
            self._writable = False
            warnings.warn(
                f"the feature cache {self._folder} takes no more entries ({error}); features are "
                "computed without it from here on",
                stacklevel=2,
            )


def _placement(backbone: Backbone) -> tuple[torch.device, torch.dtype, torch.dtype]:
    """Return the device, the precision of the features and that of the weights."""
    return backbone.device, backbone.dtype, next(backbone.network.parameters()).dtype


def _identity(backbone: Backbone, stored: torch.dtype) -> str:
    """Digest everything but the image that features depend on."""
    about = {
        "format": _FORMAT,
        "network": type(backbone.network).__qualname__,
        "name": backbone.record.name,
        "stride": backbone.stride,
        "dim": backbone.dim,
        "computed_in": precision_name(backbone.dtype),
        "computed_on": backbone.device.type,
        "stored_in": precision_name(stored),
    }
    if (code := code_digest(backbone)) is not None:
        about["code"] = code
    return network_digest(backbone.network, json.dumps(about, sort_keys=True).encode())


def _checksum(values: Tensor) -> str:
    return hashlib.sha256(_bytes(values)).hexdigest()


def _bytes(values: Tensor) -> memoryview:
    """Return a tensor's values as bytes, of any dtype."""
    flat = values.detach().cpu().contiguous().reshape(-1)  # any shape -> one axis
    return flat.view(torch.uint8).numpy().data
