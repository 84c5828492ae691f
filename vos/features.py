"""Features of pictures and videos on their own, for use elsewhere: patch and class tokens.

Shapes: B batch, L layers, D width, H W pixels of a frame, H' W' pixels of the network's input,
h w patches.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.backbone_base import DEFAULT_SHORT_SIDE, DEFAULT_SIZE_MULTIPLE, Backbone
from vos.backbones import DinoViT
from vos.feature_files import FeatureWriter
from vos.files import InputError
from vos.vit import patch_map


@dataclass(frozen=True)
class FeatureRequest:
    """Which features, of frames at what size."""

    layers: int = 1
    """How many of the last blocks, each after the final norm; more than one of a DINO ViT only."""
    class_token: bool = False
    """Keep the class tokens too; of a DINO ViT only."""
    short_side: int = DEFAULT_SHORT_SIDE
    """Pixels of the shorter side of what the network sees; 0 keeps the frame's size."""
    size_multiple: int = DEFAULT_SIZE_MULTIPLE
    """The longer side is rounded down to a multiple of this many pixels."""
    square: int = 0
    """Stretch frames to a square of so many pixels instead, so that all have one size."""
    half: bool = False
    """Store float16 instead of float32."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a number is out of its range.
        """
        if self.layers < 1 or min(self.short_side, self.square) < 0 or self.size_multiple < 1:
            raise InputError(
                f"layers {self.layers}, short-side {self.short_side}, size-multiple "
                f"{self.size_multiple} and square {self.square}: expected layers and multiple of 1 "
                "or more, and sides of 0 or more"
            )

    def fits(self, backbone: Backbone) -> None:
        """Check that the backbone has what is asked for.

        Raises:
            InputError: it has no class token or no layers to choose, or not so many.
        """
        if isinstance(backbone, DinoViT):
            depth = len(backbone.network.blocks)
            if self.layers > depth:
                raise InputError(f"{self.layers} layers of a network that has {depth} blocks")
        elif self.layers > 1 or self.class_token:
            raise InputError(
                f"{backbone.record.name} gives one map of features alone; leave out --layers and "
                "--class-token, or give a DINO ViT"
            )

    def network_input(self, backbone: Backbone, frame: NDArray[np.uint8]) -> Tensor:
        """Return the network's input (1, 3, H', W') of a frame, RGB uint8 (H, W, 3)."""
        if not self.square:
            return backbone.preprocess(
                frame, short_side=self.short_side, size_multiple=self.size_multiple
            )
        side = (self.square, self.square)
        stretched = np.asarray(cv2.resize(frame, side, interpolation=cv2.INTER_LINEAR))
        return backbone.preprocess(stretched, short_side=0)

    def describe(self, backbone: Backbone) -> dict[str, Any]:
        """Return what a file of features says of how they were made."""
        return {"request": asdict(self), "backbone": backbone.describe()}


@dataclass(frozen=True)
class Features:
    """The features of a batch."""

    patches: Tensor
    """(B, L, D, h, w), the last block's layer at the end."""
    class_tokens: Tensor | None
    """(B, L, D); None where they were not asked for."""


@torch.inference_mode()
def compute_features(
    backbone: Backbone, images: Tensor, *, layers: int = 1, class_token: bool = False
) -> Features:
    """Return the features of normalised images.

    Args:
        backbone: a frozen backbone.
        images: (B, 3, H', W') normalised, sides of whole patches.
        layers: how many of the last blocks.
        class_token: return the class tokens too.

    Raises:
        InputError: the backbone has no such features.
    """
    FeatureRequest(layers, class_token).fits(backbone)
    if not isinstance(backbone, DinoViT):
        return Features(backbone(images)[:, None], None)
    grid = (images.shape[-2] // backbone.stride, images.shape[-1] // backbone.stride)
    tokens = backbone.network.layers(backbone.to_input(images), layers)
    patches = torch.stack([patch_map(t, grid) for t in tokens], dim=1)
    return Features(patches, torch.stack([t[:, 0] for t in tokens], 1) if class_token else None)


def frame_arrays(
    backbone: Backbone, frame: NDArray[np.uint8], request: FeatureRequest
) -> dict[str, NDArray[np.floating[Any]]]:
    """Return a frame's features by name, as they are stored.

    Returns:
        `patches` (D, h, w), or (L, D, h, w) with several layers; and `class_token` (D,) or (L, D)
        if asked for; float32 or float16.
    """
    image = request.network_input(backbone, frame)
    found = compute_features(
        backbone, image, layers=request.layers, class_token=request.class_token
    )
    kept = {"patches": found.patches[0]}
    if found.class_tokens is not None:
        kept["class_token"] = found.class_tokens[0]
    dtype = torch.float16 if request.half else torch.float32
    alone = request.layers == 1
    return {
        name: (values[0] if alone else values).to(dtype).cpu().numpy()
        for name, values in kept.items()
    }


def add_frame(
    writer: FeatureWriter,
    backbone: Backbone,
    name: str,
    frame: NDArray[np.uint8],
    request: FeatureRequest,
) -> bool:
    """Compute a frame's features and hand them to a writer, unless it has them.

    Returns:
        Whether they were computed.
    """
    if writer.has(name):
        return False
    writer.add(name, frame_arrays(backbone, frame, request))
    return True


def check_target(out: Path) -> None:
    """Refuse a file name whose ending says no form of features.

    Raises:
        InputError: the ending is neither .npz, .safetensors nor none (a folder).
    """
    if out.suffix not in {".npz", ".safetensors", ""}:
        raise InputError(
            f"{out}: features are written as FILE.npz, FILE.safetensors, or to a folder, a file a "
            "frame; give a name with such an ending, or with none"
        )
