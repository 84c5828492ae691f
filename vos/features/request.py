"""Which features are asked for, of frames at what size: the options of `vos features`.

Shapes: H W pixels of a frame, H' W' pixels of the network's input.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vos.backbones.input_size import DEFAULT_SHORT_SIDE, DEFAULT_SIZE_MULTIPLE
from vos.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from vos.backbones.backbone import Backbone


@dataclass(frozen=True)
class FeatureRequest:
    """Which features, of frames at what size."""

    layers: tuple[int, ...] = (-1,)
    """Numbers of the blocks, from 0, or from the end if negative: -1 is the last one. Each block's
    tokens are taken after the final norm. A CNN has one map."""
    class_token: bool = False
    """Keep the class tokens too; of ViTs only."""
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
        if min(self.short_side, self.square) < 0 or self.size_multiple < 1:
            raise InputError(
                f"short-side {self.short_side}, size-multiple {self.size_multiple} and square "
                f"{self.square}: expected a multiple of 1 or more, and sides of 0 or more"
            )

    def network_input(self, backbone: Backbone, frame: NDArray[np.uint8]) -> Tensor:
        """Return the network's input (1, 3, H', W') of a frame, RGB uint8 (H, W, 3)."""
        if not self.square:
            return backbone.preprocess(
                frame, short_side=self.short_side, size_multiple=self.size_multiple
            )
        import cv2  # here, as the options alone must not wait for them
        import numpy as np

        side = (self.square, self.square)
        stretched = np.asarray(cv2.resize(frame, side, interpolation=cv2.INTER_LINEAR))
        return backbone.preprocess(stretched, short_side=0)

    def describe(self, backbone: Backbone) -> dict[str, Any]:
        """Return what a file of features says of how they were made."""
        return {"request": asdict(self), "backbone": backbone.describe()}


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
