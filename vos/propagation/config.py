"""The numbers of label propagation, in one place: the Python API's and the command line's options.

The defaults are the published protocol of DAVIS 2017 with frozen features (Caron et al. 2021,
section 4.2.1); `vos.propagation.presets` has those of other published code. What begins with
`adaptive` applies to the adaptive mode alone, which goes beyond the protocol; where that mode finds
the features too weak for it, it is the protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from vos.backbones.input_size import ChannelOrder, InputRule, Normalization, Resampling
from vos.errors import InputError

Shape = Literal["square", "circle"]
Upsampling = Literal["bilinear", "nearest"]
Mode = Literal["protocol", "adaptive"]
PromptSampling = Literal["nearest", "bilinear"]
PromptOutput = Literal["prompt", "labels"]
PointLabels = Literal["gaussian", "gaussian-rounded", "cell"]
ReadBack = Literal["soft-argmax", "strongest", "argmax", "pixels"]
WhenEmpty = Literal["last", "missing"]


@dataclass(frozen=True)
class PropagationConfig:
    """Every number of label propagation; the defaults are the published protocol's."""

    mode: Mode = "protocol"
    """protocol: the published propagation; adaptive: better masks from the same features, with a
    model of what tells the objects of this video from everything else in it."""
    n_last_frames: int = 7
    """Context frames before the current one, beside the prompted frames."""
    neighborhood_radius: int | float = 12
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
    open_radius: bool = False
    """Leave out places that lie just at the radius."""
    first_frame_unlimited: bool = False
    """The radius does not hold in the prompted frames: a patch may look at all of them."""
    fill_context: bool = False
    """At the start, copies of the first prompted frame stand for the last frames not yet there."""
    keep_ties: bool = True
    """In fp32, take labels from all places that tie with the k-th too; if not, from k exactly."""
    long_side: int = 0
    """Pixels of the longer side of what the network sees, in the place of --short-side."""
    input_height: int = 0
    """Height of what the network sees, together with --input-width, whatever the aspect."""
    input_width: int = 0
    """Width of what the network sees, together with --input-height, whatever the aspect."""
    round_up: bool = False
    """Round the sides of what the network sees up, not down."""
    resampling: Resampling = "linear"
    """How frames are resized: linear on 8-bit values, linear-float, or bicubic (antialiased)."""
    channel_order: ChannelOrder = "rgb"
    """Order of the colours that the network gets."""
    normalization: Normalization = "backbone"
    """Means and deviations of the colours: the backbone's own; dino-davis: ImageNet's with 0.228
    for red; or imagenet, with 0.229."""
    prompt_sampling: PromptSampling = "nearest"
    """How a mask becomes labels of patches: bilinear gives patches at borders shares of several."""
    prompt_output: PromptOutput = "prompt"
    """The mask of a prompted frame: the prompt itself, or what its labels of patches make of it."""
    adaptive_reach: int = 144
    """How far a patch may look, in pixels of the network's input; 0 means the whole frame."""
    adaptive_strength: float = 3.0
    """What the target model's score of 1 adds to the logarithm of a label, where it is trusted."""
    adaptive_trusted_error: float = 0.11
    """Mean squared error of the target model on the given mask, each patch left out in turn, up to
    which it is trusted in full."""
    adaptive_useless_error: float = 0.145
    """Error from which on it is not used at all. Where that of the first mask is so large, the
    mode is the protocol; that of a later mask with new objects takes the target model away, for
    all objects."""
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
            "long_side": 0,
            "input_height": 0,
            "input_width": 0,
            "adaptive_reach": 0,
            "adaptive_strength": 0,
            "adaptive_trusted_error": 0,
            "adaptive_recent": 0,
            "adaptive_keep_every": 0,
            "adaptive_keep_most": 1,
        }
        for name, low in least.items():
            value = getattr(self, name)
            if not low <= value < float("inf"):
                raise InputError(f"{name} is {value}; expected at least {low}")
        if not 0 < self.temperature < float("inf"):
            raise InputError(f"temperature is {self.temperature}; expected a number above 0")
        if bool(self.input_height) != bool(self.input_width):
            raise InputError(
                f"input_height is {self.input_height} and input_width {self.input_width}; give "
                "both, or none for a size of the frame's aspect"
            )
        self._refuse_idle()
        if not 0 < self.adaptive_prompt_weight < float("inf"):
            weight = self.adaptive_prompt_weight
            raise InputError(f"adaptive_prompt_weight is {weight}; expected a number above 0")
        if not self.adaptive_trusted_error < self.adaptive_useless_error < float("inf"):
            raise InputError(
                f"adaptive_trusted_error is {self.adaptive_trusted_error} and "
                f"adaptive_useless_error {self.adaptive_useless_error}; expected a number and a "
                "larger one"
            )

    def _refuse_idle(self) -> None:
        """Refuse numbers of the adaptive mode in the protocol mode, where they would do nothing."""
        if self.mode == "adaptive":
            return
        for number in fields(self):
            value = getattr(self, number.name)
            if number.name.startswith("adaptive_") and value != number.default:
                raise InputError(
                    f"{number.name} is {value}, which is for mode adaptive alone; add --mode "
                    "adaptive (in Python mode='adaptive'), or leave it out"
                )

    def in_mode(self, mode: Mode) -> PropagationConfig:
        """Return the same numbers in a mode; the protocol has none of the adaptive mode's."""
        if mode == "adaptive":
            return replace(self, mode=mode)
        own: dict[str, Any] = {
            f.name: f.default for f in fields(self) if f.name.startswith("adaptive_")
        }
        return replace(self, mode=mode, **own)

    @property
    def input_rule(self) -> InputRule:
        """How frames are brought to the network."""
        return InputRule(
            short_side=self.short_side,
            size_multiple=self.size_multiple,
            long_side=self.long_side,
            height=self.input_height,
            width=self.input_width,
            round_up=self.round_up,
            resampling=self.resampling,
            channel_order=self.channel_order,
            normalization=self.normalization,
        )


def check_point_mode(config: PropagationConfig) -> None:
    """Refuse what there is for masks alone.

    Raises:
        InputError: the mode is adaptive.
    """
    if config.mode != "protocol":
        raise InputError(
            f"mode is {config.mode}, which is for masks: a point has no area to learn from; "
            "leave --mode out"
        )


@dataclass(frozen=True)
class PointConfig:
    """How points become labels of patches, and labels become points; cells are patches."""

    labels: PointLabels = "gaussian"
    """gaussian: around the point itself; gaussian-rounded: around a cell, as in videowalk's code;
    cell: 1 in the point's cell alone."""
    sigma: float = 0.5
    """Width of the Gaussians, in cells."""
    read_back: ReadBack = "soft-argmax"
    """soft-argmax: the weighted mean around the strongest cell; strongest: that of the strongest
    cells, wherever they lie; argmax: the strongest cell; pixels: the mean of all pixels, weighted
    by the labels stretched to 0..1, as in the code of PIPs."""
    window: int = 2
    """How far the mean of soft-argmax goes from the strongest cell, in cells."""
    strongest: int = 5
    """How many cells the mean of strongest is taken over."""
    centers: bool = True
    """Count positions from the centers of cells and pixels; published code leaves out the half."""
    when_empty: WhenEmpty = "last"
    """A point whose labels are lost: it stays at its last position, or has none."""
    round_trip: float = 2.0
    """A point is visible if its patch's best match in the query's frame lies at most so many cells
    from the query; 0: visible wherever it has a position."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a number is out of its range.
        """
        for name, low in {"window": 0, "strongest": 1, "round_trip": 0}.items():
            value = getattr(self, name)
            if not low <= value < float("inf"):
                raise InputError(f"{name} is {value}; expected at least {low}")
        if not 0 < self.sigma < float("inf"):
            raise InputError(f"sigma is {self.sigma}; expected a number above 0")
