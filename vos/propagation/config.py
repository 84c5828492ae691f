"""The numbers of label propagation, in one place: the Python API's and the command line's options.

The defaults are the published protocol of DAVIS 2017 with frozen features (Caron et al. 2021,
section 4.2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vos.errors import InputError

Shape = Literal["square", "circle"]
Upsampling = Literal["bilinear", "nearest"]


@dataclass(frozen=True)
class PropagationConfig:
    """Every number of label propagation; the defaults are the published protocol's."""

    n_last_frames: int = 7
    """Context frames before the current one, beside the prompted frames."""
    neighborhood_radius: int = 12
    """How far a patch may look, in patches; 0 means the whole frame."""
    neighborhood_shape: Shape = "square"
    """square: the radius holds in each axis by itself; circle: as the crow flies."""
    topk: int = 5
    """How many of the most similar patches a label is taken from."""
    temperature: float = 0.1
    """Softmax temperature of the similarities; smaller is sharper."""
    short_side: int = 480
    """Pixels of the shorter side of what the network sees; 0 keeps the frame's size."""
    size_multiple: int = 64
    """The longer side is rounded down to a multiple of this many pixels."""
    upsampling: Upsampling = "bilinear"
    """How labels of patches become labels of pixels."""
    stretch_channels: bool = True
    """Stretch each channel to 0..1 before the largest one wins."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a number is out of its range.
        """
        least = {
            "n_last_frames": 0,
            "neighborhood_radius": 0,
            "topk": 1,
            "short_side": 0,
            "size_multiple": 1,
        }
        for name, low in least.items():
            value = getattr(self, name)
            if value < low:
                raise InputError(f"{name} is {value}; expected at least {low}")
        if not 0 < self.temperature < float("inf"):
            raise InputError(f"temperature is {self.temperature}; expected a number above 0")
