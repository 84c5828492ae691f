"""The features of a training and a test set with classes, and the file that holds them.

Shapes: N training and M test images, D width.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from benchmarks.classification.labelled_data import LabelledData
from benchmarks.features.extraction import Extraction
from vos.errors import InputError
from vos.files import atomic_path

_TENSORS = ("train_features", "train_labels", "test_features", "test_labels")


@dataclass(frozen=True)
class LabelledFeatures:
    """Features and classes of both sets."""

    train: Tensor
    """(N, D) float32."""
    train_labels: Tensor
    """(N,) int64."""
    test: Tensor
    """(M, D) float32."""
    test_labels: Tensor
    """(M,) int64."""
    classes: tuple[str, ...]
    digests: tuple[str, ...] = ()
    """What the features depend on, training set first; empty if they were made elsewhere."""

    def sizes(self) -> dict[str, Any]:
        """Return the sizes of both sets, for a run's results."""
        return {
            "train_images": len(self.train),
            "test_images": len(self.test),
            "classes": int(max(self.train_labels.max(), self.test_labels.max())) + 1,
            "width": self.train.shape[1],
        }

    def save(self, path: Path) -> None:
        """Write them as safetensors, whole or not at all."""
        tensors = (self.train, self.train_labels, self.test, self.test_labels)
        header = {"classes": json.dumps(self.classes), "digests": json.dumps(self.digests)}
        with atomic_path(path) as beside:
            save_file(
                {n: t.contiguous().numpy() for n, t in zip(_TENSORS, tensors, strict=True)},
                beside,
                metadata=header,
            )


def load_features(path: Path) -> LabelledFeatures:
    """Read a file of features: train_features, train_labels, test_features, test_labels.

    The header may hold `classes`, a list of names in JSON.

    Raises:
        InputError: the file is missing or damaged, or its tensors do not fit each other.
    """
    try:
        with safe_open(path, framework="pt") as handle:
            header: dict[str, str] = handle.metadata() or {}
            train, train_labels, test, test_labels = (handle.get_tensor(n) for n in _TENSORS)
        classes = tuple(json.loads(header.get("classes", "[]")))
        digests = tuple(json.loads(header.get("digests", "[]")))
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as features ({error}); expected safetensors with "
            f"{', '.join(_TENSORS)}"
        ) from None
    fits = train.ndim == test.ndim == 2 and train.shape[1] == test.shape[1]
    if not fits or len(train) != len(train_labels) or len(test) != len(test_labels):
        raise InputError(
            f"{path}: features {tuple(train.shape)} and {tuple(test.shape)} with labels "
            f"{tuple(train_labels.shape)} and {tuple(test_labels.shape)} do not fit each other"
        )
    if not bool(train.isfinite().all() and test.isfinite().all()):
        raise InputError(f"{path} holds features that are not finite; compute them again")
    return LabelledFeatures(
        train.float(), train_labels.long(), test.float(), test_labels.long(), classes, digests
    )


def labelled_features(
    data: LabelledData, file: Path | None, extraction: Callable[[], Extraction]
) -> LabelledFeatures:
    """Return the features of both sets: from the file if it is there, else computed and kept in it.

    Args:
        data: the images; without a training set the file is taken as it is.
        file: where features are read from or saved to; None keeps them in the cache alone.
        extraction: makes what computes features; called only if images are given.

    Raises:
        InputError: neither images nor a file; the file is a folder; or its features are of other
            images, weights or settings.
    """
    if file is not None and file.is_dir():
        raise InputError(f"{file} is a folder; give a file's name, such as {file}.safetensors")
    stored = load_features(file) if file is not None and file.is_file() else None
    if data.train is None and stored is not None:
        return stored
    if data.train is None and file is not None:
        raise InputError(f"{file} is not there, and no images were given (--train) to make it from")
    train, test = data.load()
    compute = extraction()
    digests = (compute.digest(train), compute.digest(test))
    if stored is not None and stored.digests != digests:
        raise InputError(
            f"{file} holds features of other images, weights or settings; remove it, or leave out "
            "--train to use it as it is"
        )
    if stored is not None:
        return stored
    computed = LabelledFeatures(
        compute(train, "training images"),
        torch.from_numpy(train.labels),
        compute(test, "test images"),
        torch.from_numpy(test.labels),
        train.classes,
        digests,
    )
    if file is not None and compute.team.leads:
        computed.save(file)
    return computed
