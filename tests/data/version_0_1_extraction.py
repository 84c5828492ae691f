"""The features of images by class that version 0.1 of `vos-bench` kept for other runs.

Nothing here calls the project; the layout is that of commit cc59da4.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.data.version_0_1 import PATCH, sha256, vit_state

CLASSES = {"blue": (30, 60, 230), "red": (220, 30, 40)}
PER_CLASS = 3
SIDE = 4 * PATCH
_ABOUT: dict[str, Any] = {
    "format": 1,
    "chunk": 256,
    "network": "VisionTransformer",
    "precision": "fp32",
    "device": "cpu",
    "view": {
        "fit": "crop",
        "side": SIDE,
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    },
    "kind": "class",
    "multi_scale": False,
}


def write_classes(root: Path) -> Path:
    """Write pictures of one colour, and a few pixels of noise, in a folder for each class."""
    random = np.random.default_rng(0)
    for name, colour in CLASSES.items():
        (root / name).mkdir(parents=True)
        for number in range(PER_CLASS):
            pixels = np.full((40, 48, 3), colour, np.uint8) + random.integers(0, 9, (40, 48, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number}.png")
    return root


def write_chunk(cache: Path, images: Path, features: torch.Tensor) -> Path:
    """Write the features (N, D) of the images below a folder, in the order of their names."""
    about = {**_ABOUT, "weights": _weights_digest(), "images": _fingerprint(images)}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    path = cache / digest[:32] / "chunk-00000.safetensors"
    path.parent.mkdir(parents=True)
    header = {"digest": f"{digest}/0", "sha256": sha256(features.numpy().tobytes())}
    save_file({"features": features}, path, metadata=header)
    return path


def _weights_digest() -> str:
    digest = hashlib.sha256()
    for name, values in sorted(vit_state().items()):
        digest.update(f"{name} {tuple(values.shape)} {values.dtype}".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def _fingerprint(images: Path) -> str:
    paths = sorted(images.glob("*/*.png"))
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(images).as_posix().encode() + b"\0")
    for path in paths:
        status = path.stat()
        digest.update(f"{status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
