"""How a benchmark shows an image to the network: size, crop, normalization.

Shapes: H W pixels of the image, S side of the network's input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TF

from benchmarks.features.run_identity import later_options
from vos.backbones.backbone import Backbone
from vos.backbones.input_size import IMAGENET_MEAN, IMAGENET_STD, PROTOCOL_STD
from vos.errors import InputError

_RESIZE_TO_CROP = 256 / 224
_OPTIONS_0_1 = ("fit", "side", "mean", "std")
Fit = Literal["crop", "square", "inside"]
"""crop: the shorter side to 256/224 of S, the center S x S cut out; square: stretched to S x S;
inside: the longer side brought down to S, the aspect kept."""


@dataclass(frozen=True)
class ImageTransform:
    """What the network sees of an image."""

    fit: Fit
    side: int
    """S, in pixels."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    @property
    def one_size(self) -> bool:
        """Whether all images come out in one size, so that they can be batched."""
        return self.fit != "inside"

    def identity(self) -> dict[str, Any]:
        """Return what tells transforms apart, the same for equal ones of all versions."""
        values = {name: getattr(self, name) for name in _OPTIONS_0_1}
        return values | later_options(self, _OPTIONS_0_1)

    def __call__(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return the network's input, (3, H', W') float32, of RGB uint8 (H, W, 3)."""
        return self.normalize(self.resized(Image.fromarray(pixels)))

    def resized(self, image: Image.Image) -> Image.Image:
        """Bring the image to the network's size."""
        if self.fit == "inside":
            image.thumbnail((self.side, self.side), Image.Resampling.LANCZOS)
            return image
        bicubic = InterpolationMode.BICUBIC
        if self.fit == "square":
            return TF.resize(image, [self.side, self.side], bicubic)
        image = TF.resize(image, [round(self.side * _RESIZE_TO_CROP)], bicubic)
        return TF.center_crop(image, [self.side, self.side])

    def normalize(self, image: Image.Image) -> Tensor:
        """Turn a picture into normalized values (3, H', W')."""
        values = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255  # (3, H', W')
        return TF.normalize(values, self.mean, self.std)


def transform_for(backbone: Backbone, fit: Fit, side: int) -> ImageTransform:
    """Return the transform with the normalization that the backbone was trained with.

    The protocol of DAVIS divides by 0.228 where ImageNet's figure is 0.229; here it is ImageNet's.

    Raises:
        InputError: the side is smaller than a patch.
    """
    if side < backbone.stride:
        raise InputError(
            f"images of {side} pixels are smaller than a patch of {backbone.stride}; give a "
            "larger size"
        )
    std = IMAGENET_STD if tuple(backbone.std) == PROTOCOL_STD else tuple(backbone.std)
    return ImageTransform(fit, side, tuple(backbone.mean), std)
