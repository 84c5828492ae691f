"""The numbers of label propagation, in one place: the Python API's and the command line's options.

The defaults are the published protocol of DAVIS 2017 with frozen features (Caron et al. 2021,
section 4.2.1). What begins with `adaptive` applies to the adaptive mode alone, which goes beyond
the protocol; where that mode finds the features too weak for it, it is the protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vos.errors import InputError

Shape = Literal["square", "circle"]
Upsampling = Literal["bilinear", "nearest"]
Mode = Literal["protocol", "adaptive"]


@dataclass(frozen=True)
class PropagationConfig:
    """Every number of label propagation; the defaults are the published protocol's."""

    mode: Mode = "protocol"
    """protocol: the published propagation; adaptive: better masks from the same features, with a
    model of what tells the objects of this video from everything else in it."""
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
    adaptive_reach: int = 144
    """How far a patch may look, in pixels of the network's input; 0 means the whole frame."""
    adaptive_strength: float = 3.0
    """What the target model's score of 1 adds to the logarithm of a label, where it is trusted."""
    adaptive_useless_overlap: float = 0.3
    """Overlap (J) that the target model reaches on the given mask, each patch left out in turn, up
    to which it is not used at all, and the mode is the protocol."""
    adaptive_trusted_overlap: float = 0.5
    """Overlap from which on it is trusted in full."""
    adaptive_recent: int = 3
    """How many of the last frames are in the target model."""
    adaptive_keep_every: int = 5
    """Every n-th frame stays in the target model; 0: none does."""
    adaptive_keep_most: int = 40
    """How many frames those count as together at most; the older of them fade."""
    adaptive_prompt_weight: float = 3.0
    """How many frames a prompted one counts as in the target model."""
    adaptive_refine: bool = True
    """Draw the outline along the edges of the picture."""

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
            "adaptive_reach": 0,
            "adaptive_strength": 0,
            "adaptive_useless_overlap": 0,
            "adaptive_recent": 0,
            "adaptive_keep_every": 0,
            "adaptive_keep_most": 1,
        }
        for name, low in least.items():
            value = getattr(self, name)
            if not low <= value < float("inf"):  # NaN is refused too
                raise InputError(f"{name} is {value}; expected a number of at least {low}")
        if not 0 < self.temperature < float("inf"):
            raise InputError(f"temperature is {self.temperature}; expected a number above 0")
        if not self.adaptive_prompt_weight > 0:
            weight = self.adaptive_prompt_weight
            raise InputError(f"adaptive_prompt_weight is {weight}; expected a number above 0")
        if not self.adaptive_useless_overlap < self.adaptive_trusted_overlap:
            raise InputError(
                f"adaptive_useless_overlap is {self.adaptive_useless_overlap}; expected less than "
                f"adaptive_trusted_overlap, which is {self.adaptive_trusted_overlap}"
            )
