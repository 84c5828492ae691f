"""Settings of published code by name, each with the place that its numbers are from.

A preset holds a whole configuration, so that one name says what a figure was made with. Options
beside it replace single values. `points` are settings of `vos.propagation.keypoints`; a preset
without them is for masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vos.errors import InputError
from vos.propagation.config import PointConfig, PropagationConfig


@dataclass(frozen=True)
class Preset:
    """A configuration as published code has it."""

    about: str
    """What it is for, and whose code it is of."""
    propagation: PropagationConfig
    points: PointConfig | None = None
    """How points become labels and are read back; None of a preset for masks."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Field -> where its value is from; the rest are what `about` names."""


_VIDEOWALK = PropagationConfig(
    n_last_frames=20,
    neighborhood_radius=12,
    neighborhood_shape="circle",
    open_radius=True,
    topk=10,
    temperature=0.07,
    first_frame_unlimited=True,
    fill_context=True,
    keep_ties=False,
    input_height=320,
    input_width=320,
    resampling="linear-float",
    normalization="imagenet",
    stretch_channels=False,
    prompt_sampling="bilinear",
    prompt_output="labels",
)
_ENGINE_SOURCES = {
    "open_radius": "the code keeps cells at a Euclidean distance below the radius",
    "first_frame_unlimited": "the code's long-term memory, frame 0, gets no mask",
    "fill_context": "in the code every frame number below 0 is frame 0 again",
    "keep_ties": "the code takes exactly k by torch.topk",
    "resampling": "the code resizes float32 values in 0..1",
    "normalization": "deviation 0.229 for red, in the code",
    "prompt_output": "the code's output for frame 0 is its own label map",
}
_CROPMAE = replace(
    _VIDEOWALK, neighborhood_radius=20, topk=7, temperature=0.7, input_height=0, input_width=0
)
_CROPMAE_SOURCES = _ENGINE_SOURCES | {
    "n_last_frames": "CropMAE's evaluation, which has SiamMAE's settings",
    "neighborhood_radius": "the same",
    "topk": "the same",
    "temperature": "the same",
}

PRESETS: dict[str, Preset] = {
    "dino-davis": Preset(
        "Masks of DAVIS 2017 as in DINO's eval_video_segmentation.py; the default.",
        PropagationConfig(),
        sources={
            "temperature": "the code's exp(similarity / 0.1)",
            "normalization": "the backbone's own, which for DINO is 0.228 for red, as in the code",
            "keep_ties": "the code keeps all that reach the k-th similarity",
        },
    ),
    "dinov3-davis": Preset(
        "Masks of DAVIS 2017 as in DINOv3's notebook segmentation_tracking.ipynb.",
        PropagationConfig(
            neighborhood_shape="circle",
            temperature=0.2,
            short_side=960,
            size_multiple=1,
            round_up=True,
            resampling="bicubic",
            normalization="imagenet",
            upsampling="nearest",
        ),
        sources={
            "n_last_frames": "the notebook's longest context, 7 beside the first frame",
            "neighborhood_shape": "the notebook keeps cells at a Euclidean distance up to 12",
            "size_multiple": "the notebook rounds both sides up to whole patches",
            "upsampling": "the notebook's nearest, then each channel stretched to 0..1",
        },
    ),
    "crw-jhmdb": Preset(
        "Joints of JHMDB as in videowalk (CRW), with the defaults of its arguments.",
        _VIDEOWALK,
        PointConfig(
            labels="gaussian-rounded", sigma=0.5, read_back="strongest", strongest=3, centers=False
        ),
        _ENGINE_SOURCES
        | {
            "temperature": "the argument's default; its README has 0.05 for DAVIS",
            "input_height": "the code squashes frames to 320 x 320 for JHMDB",
            "strongest": "the weighted mean of the 3 strongest cells, in the code",
        },
    ),
    "siammae-jhmdb": Preset(
        "Joints of JHMDB as in CropMAE's evaluation, which has SiamMAE's settings.",
        replace(_CROPMAE, input_height=320, input_width=320),
        PointConfig(
            labels="gaussian-rounded", sigma=0.5, read_back="strongest", strongest=5, centers=False
        ),
        _CROPMAE_SOURCES
        | {
            "input_height": "the code squashes frames to 320 x 320 for JHMDB",
            "strongest": "the weighted mean of the 5 strongest cells, in the code",
        },
    ),
    "siammae-vip": Preset(
        "Human parts of VIP as in CropMAE's evaluation, which has SiamMAE's settings.",
        replace(_CROPMAE, topk=10, long_side=880),
        sources=_CROPMAE_SOURCES
        | {
            "long_side": "one number, 880, for the longer side; the other is cut to 64",
            "prompt_sampling": "one-hot classes at the network's size, brought down bilinearly",
        },
    ),
    "siammae-davis": Preset(
        "Masks of DAVIS 2017 as in CropMAE's evaluation, which has SiamMAE's settings.",
        replace(_CROPMAE, input_height=480, input_width=880),
        sources=_CROPMAE_SOURCES
        | {
            "input_width": "480 x 880, whatever the frame's aspect",
            "prompt_sampling": "one-hot objects at the network's size, brought down bilinearly",
        },
    ),
    "pips-badja": Preset(
        "Joints of animals of BADJA by DINO's features, as in the code of PIPs.",
        PropagationConfig(
            neighborhood_radius=0,
            input_height=320,
            input_width=512,
            resampling="linear-float",
            channel_order="bgr",
            normalization="dino-davis",
        ),
        PointConfig(labels="cell", read_back="pixels", when_empty="last", centers=False),
        {
            "neighborhood_radius": "none: the code writes a window of 12 and leaves it out",
            "input_height": "320 x 512, at which the code scores too",
            "channel_order": "the code reverses the channels before it normalises: a slip, which "
            "the published figure includes",
            "normalization": "deviation 0.228 for red, in the code",
            "keep_ties": "the code keeps all that reach the k-th weight",
            "read_back": "the mean of all pixels, weighted by the map stretched to 0..1",
            "when_empty": "the code keeps the last position where a map is 0 everywhere",
        },
    ),
}


def preset_named(name: str) -> Preset:
    """Return a preset.

    Raises:
        InputError: there is none of that name.
    """
    if name not in PRESETS:
        raise InputError(f"no preset {name!r}; the presets are: {', '.join(PRESETS)}")
    return PRESETS[name]


def mask_defaults(name: str) -> dict[str, Any]:
    """Return what a preset says of a verb that takes masks, by field.

    Raises:
        InputError: there is none of that name, or it is for points.
    """
    preset = preset_named(name)
    if preset.points is not None:
        masks = ", ".join(n for n, p in PRESETS.items() if p.points is None)
        raise InputError(f"the preset {name} is for points; those for masks are: {masks}")
    return {"preset": name, "propagation": preset.propagation}


def point_defaults(name: str) -> dict[str, Any]:
    """Return what a preset says of a verb that takes points, by field.

    Raises:
        InputError: there is none of that name, or it is for masks.
    """
    preset = preset_named(name)
    if preset.points is None:
        points = ", ".join(n for n, p in PRESETS.items() if p.points is not None)
        raise InputError(f"the preset {name} is for masks; those for points are: {points}")
    return {"preset": name, "propagation": preset.propagation, "point_config": preset.points}
