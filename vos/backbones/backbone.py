"""What every frozen feature extractor shares: its size rule, its normalisation, its record.

Shapes: B batch, L layers, D width, H W pixels of a frame, H' W' pixels of the network's input,
h w patches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vos.backbones.input_size import (
    DEFAULT_SHORT_SIDE,
    DEFAULT_SIZE_MULTIPLE,
    InputRule,
    check_frame,
    input_size,
)
from vos.backbones.weights_record import WeightsRecord, network_digest
from vos.errors import InputError
from vos.runtime.devices import precision_name, set_exact_products, takes_tf32

LUMA = (0.299, 0.587, 0.114)
"""The share of red, green and blue in the gray that a network of one channel takes."""
GRAY_MEAN = (0.449,)
GRAY_STD = (0.226,)
"""The averages of ImageNet's means and deviations, as `vos-pretrain` normalises luminance."""


@dataclass(frozen=True)
class Features:
    """The features of a batch, in the backbone's precision and on its device."""

    patches: Tensor
    """(B, L, D, h, w): the patch tokens, or a CNN's map."""
    class_tokens: Tensor | None
    """(B, L, D); None where they were not asked for."""


class Backbone(nn.Module, ABC):
    """A frozen feature extractor: images in, a map of patch features out.

    `forward(images)` takes (B, 3, H', W') normalised images of any float dtype and returns
    (B, D, h, w) features in its precision. `features` takes frames too, and gives more of them.

    A CNN computes in float32 whatever the precision: it is cheap beside the propagation, and
    rounding each of its many layers to 16 bits moves its features too far. Its features are then
    kept and compared in the precision that was asked for.

    A subclass gives the network and its numbers to `super().__init__` and has one method,
    `block_features`:

        class Mine(vos.Backbone):
            def __init__(self, network):
                super().__init__(network, stride=16, dim=384, mean=(0.5,) * 3, std=(0.5,) * 3)

            def block_features(self, images, numbers):
                return [(self.network(images), None)]  # (B, D, h, w), no class token

    `vos.wrap_backbone` does this for a module that gives maps or tokens.

    Attributes:
        network: the module that computes; the only part with weights.
        stride: pixels from one feature to the next, in both axes.
        dim: D, the features' width.
        mean, std: the normalisation of RGB values in 0..1; one value for a network that takes
            their luminance.
        record: where the weights came from; without one, the class's name and a digest of them.
        depth: L at most: the blocks that have features; 1 for a CNN.
        has_class_token: whether the network has one.
        has_class_attention: whether `class_attention` can read what that token attends to.
        needs_whole_patches: whether the sides of images must be multiples of `stride`, as a ViT's.
        computes_in_16_bits: whether the network takes the 16-bit precisions; if not, it stays in
            float32.
        runs_channels_last: whether it runs in that memory format, in which convolutions are faster.
    """

    depth: int = 1
    has_class_token: bool = False
    has_class_attention: bool = False
    needs_whole_patches: bool = False
    computes_in_16_bits: bool = True
    runs_channels_last: bool = True

    def __init__(
        self,
        network: nn.Module,
        *,
        stride: int,
        dim: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        record: WeightsRecord | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.stride = stride
        self.dim = dim
        self.mean = mean
        self.std = std
        self.record = record or WeightsRecord.of_module(network, type(self).__name__)
        self._dtype: torch.dtype | None = None
        self.eval()
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, D, h, w) of normalised images (B, 3, H', W')."""
        ((features, _),) = self.block_features(self.to_input(images), [self.depth - 1])
        return features.to(self.dtype)

    @torch.no_grad()
    def features(
        self,
        images: Tensor | NDArray[np.uint8],
        *,
        layers: Sequence[int] = (-1,),
        class_token: bool = False,
        short_side: int = DEFAULT_SHORT_SIDE,
        size_multiple: int = DEFAULT_SIZE_MULTIPLE,
    ) -> Features:
        """Return patch tokens, and class tokens if asked for, of chosen layers.

        Args:
            images: a frame, RGB uint8 (H, W, 3), or frames (B, H, W, 3), which are resized and
                normalised as by `preprocess`; or a tensor (B, 3, H', W') that is so already.
            layers: numbers of the blocks, from 0, or from the end if negative; each block's
                tokens are taken after the final norm.
            class_token: return the class tokens too.
            short_side, size_multiple: of frames, see `input_size`.

        Raises:
            InputError: the backbone has no such layer or no class token; frames are not RGB uint8
                or too small for a patch; images have no such shape, or no whole patches.
        """
        numbers = self.check_layers(layers, class_token=class_token)
        if not isinstance(images, Tensor):
            is_batch = isinstance(images, np.ndarray) and images.ndim == 4
            frames = list(images) if is_batch else [images]
            rule = InputRule(short_side, size_multiple)
            images = torch.cat([self.preprocess(f, rule=rule) for f in frames] or [torch.empty(0)])
        self._check_images(images)
        if not class_token and set(numbers) == {self.depth - 1}:  # what `forward` gives
            return Features(torch.stack([self(images)] * len(numbers), dim=1), None)
        blocks = self.block_features(self.to_input(images), numbers)
        patches = torch.stack([patches for patches, _ in blocks], dim=1).to(self.dtype)
        tokens = [token for _, token in blocks if token is not None] if class_token else []
        return Features(patches, torch.stack(tokens, dim=1).to(self.dtype) if tokens else None)

    @property
    def channels(self) -> int:
        """C, the channels of the network's input: 3 for RGB, 1 for luminance."""
        return len(self.mean)

    def _check_images(self, images: Tensor) -> None:
        patch = self.stride if self.needs_whole_patches else 1
        fits = images.ndim == 4 and images.shape[1] == self.channels and 0 not in images.shape
        if not fits or images.shape[2] % patch or images.shape[3] % patch:
            raise InputError(
                f"images have the shape {tuple(images.shape)}; expected one image or more, (B, "
                f"{self.channels}, H, W), sides multiples of {patch}"
            )

    def check_layers(self, layers: Sequence[int], *, class_token: bool) -> list[int]:
        """Return the numbers of the blocks from 0.

        Raises:
            InputError: the backbone has no such block, or no class token and one is asked for.
        """
        name = self.record.name
        if class_token and not self.has_class_token:
            raise InputError(f"{name} has no class token; leave it out, or give a ViT")
        beyond = [n for n in layers if not -self.depth <= n < self.depth]
        if beyond or not layers:
            blocks = f"{self.depth} blocks" if self.depth > 1 else "one map of features"
            raise InputError(
                f"layers are {', '.join(map(str, layers)) or 'missing'}; {name} has {blocks}: "
                f"expected numbers from {-self.depth} to {self.depth - 1}, -1 for the last"
            )
        return [n % self.depth for n in layers]

    @abstractmethod
    def block_features(
        self, images: Tensor, numbers: Sequence[int]
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Compute the map (B, D, h, w) and the class token (B, D), if any, of each block.

        Args:
            images: (B, 3, H', W'), on the network's device and in its dtype.
            numbers: the blocks, from 0 to `depth` - 1.
        """

    def class_attention(self, images: Tensor) -> Tensor:
        """Return what the class token attends to in the last block.

        Args:
            images: (B, 3, H', W'), normalised.

        Returns:
            (B, heads, h, w), at least float32.

        Raises:
            InputError: the backbone has no such attention.
        """
        raise InputError(
            f"{self.record.name} gives no attention of a class token; use a DINO ViT, such as "
            "dino_vits8, or a ViT's checkpoint"
        )

    def place(self, device: torch.device, dtype: torch.dtype) -> Backbone:
        """Move to a device and a precision; return itself. A GPU computes exactly from then on."""
        set_exact_products(device)
        self.to(device=device, dtype=dtype if self.computes_in_16_bits else torch.float32)
        self._dtype = dtype
        return self

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the features."""
        return self._dtype or next(self.network.parameters()).dtype

    def describe(self) -> dict[str, Any]:
        """Return what a run's record says of the backbone."""
        return {
            **self.record.as_json(),
            "stride": self.stride,
            "dim": self.dim,
            "precision": precision_name(self.dtype),
            "computed_in": precision_name(next(self.network.parameters()).dtype),
            "device": str(self.device),
            **({"tf32": takes_tf32()} if self.device.type == "cuda" else {}),
            "mean": list(self.mean),
            "std": list(self.std),
        }

    def input_size(
        self,
        height: int,
        width: int,
        *,
        short_side: int = DEFAULT_SHORT_SIDE,
        size_multiple: int = DEFAULT_SIZE_MULTIPLE,
    ) -> tuple[int, int]:
        """Return (H', W') by the protocol's size rule (protocol of DAVIS 2017, 480p).

        The shorter side becomes `short_side`, the longer one keeps the aspect, rounded down to
        `size_multiple`. With `short_side` 0 the frame keeps its size. Both sides are then rounded
        down to whole patches: a patch of 14 pixels takes 476 for 480, and 56 for the multiple 64.

        Raises:
            InputError: the result would hold no patch.
        """
        return input_size(height, width, self.stride, short_side, size_multiple)

    def preprocess(
        self,
        frame: np.ndarray,
        *,
        short_side: int = DEFAULT_SHORT_SIDE,
        size_multiple: int = DEFAULT_SIZE_MULTIPLE,
        rule: InputRule | None = None,
    ) -> Tensor:
        """Resize and normalise a frame.

        Bilinear on uint8 without antialiasing, divided by 255, mean subtracted, divided by std.

        Args:
            frame: RGB uint8 (H, W, 3).
            short_side, size_multiple: see `input_size`.
            rule: the size and all else, in their place.

        Returns:
            (1, C, H', W') float32 on the CPU; C is 1 for a network of luminance, else 3.

        Raises:
            InputError: the frame is not RGB uint8, or too small for a patch.
        """
        check_frame(frame)
        rule = rule or InputRule(short_side, size_multiple)
        height, width = frame.shape[:2]
        frame = rule.resize(frame, *rule.size(height, width, self.stride))
        channels_first = torch.from_numpy(np.ascontiguousarray(frame)).permute(
            2, 0, 1
        )  # (3, H', W')
        image = channels_first.float().div_(255)
        if self.channels == 1:
            shares = torch.tensor(LUMA).view(3, 1, 1)  # (3,) -> (3, 1, 1)
            image = (image * shares).sum(0, keepdim=True)  # (1, H', W')
        means, deviations = rule.statistics(self.mean, self.std)
        mean = torch.tensor(means).view(-1, 1, 1)  # (C,) -> (C, 1, 1)
        std = torch.tensor(deviations).view(-1, 1, 1)  # (C,) -> (C, 1, 1)
        return image.sub_(mean).div_(std).unsqueeze(0)

    def to_input(self, images: Tensor) -> Tensor:
        """Move normalised images to the network's device and dtype."""
        weights = next(self.network.parameters())
        if weights.device.type == "cuda" and images.device.type == "cpu":
            with torch.cuda.device(weights.device):  # else pinning opens a context on GPU 0
                images = images.pin_memory()  # only then does the copy run beside the host's work
        return images.to(device=weights.device, dtype=weights.dtype, non_blocking=True)


def weights_digest(backbone: Backbone) -> str:
    """Return a digest of a network's weights, whatever file they came from."""
    return network_digest(backbone.network)
