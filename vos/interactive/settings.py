"""The numbers of `vos.interactive.click_segmenter`, chosen on frames of DAVIS's train set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClickSettings:
    """How prompts on one frame become a mask.

    Distances of features and of colours are squared, and 1 is their mean over a frame.
    """

    short_nodes: int = 90
    """Nodes along the frame's shorter side; features and colours are brought to them."""
    dims: int = 48
    """Principal components of the features."""
    colour_weight: float = 2.0
    """What a distance of colours counts beside one of features."""
    everywhere_width: float = 0.35
    """Distance at which a click's say over the whole frame has fallen to 1/e."""
    nearby_width: float = 3.0
    """The same of its say over what lies near it."""
    nearby_radius: float = 0.12
    """Deviation of what lies near, as a share of the frame's shorter side."""
    nearby_share: float = 0.7
    """Part of a click's say that is over what lies near."""
    background_bias: float = 0.3
    """How far a node that no click speaks of is from the object; 1 is a negative click."""
    noise: float = 0.05
    """Variance of a click's label in the kernel regression."""
    sharpness: float = 8.0
    """Slope of the logistic function of scores."""
    rounds: int = 8
    """How many times the linear probe is fitted to the mask so far."""
    probe_weight: float = 3.0
    """What the probe's score counts beside the clicks'."""
    probe_ridge: float = 0.03
    """The probe's penalty, as a share of the mean variance of its inputs."""
    prior_strength: float = 0.01
    """Pull of a node to its score, beside an edge of weight 1 to a neighbour."""
    colour_edges: float = 150.0
    """How fast the weight of an edge falls with the distance of its ends' colours."""
    feature_edges: float = 16.0
    """The same for features."""
    least_edge: float = 1e-3
    """Weight of every edge at least."""
    band: int = 3
    """Pixels of a frame of 480 rows, to both sides of the outline, that a graph cut decides; 0:
    the outline stays where the guided upsampling has it."""
    base_weight: float = 2.0
    """How sure a base is that prompts correct; 1 is as sure as a click."""
    base_nearby_radius: float = 0.08
    """`nearby_radius` where there is a base."""
    base_rounds: int = 3
    """`rounds` where there is a base."""
    base_probe_weight: float = 4.0
    """`probe_weight` where there is a base."""
    base_part: float = 0.5
    """A connected part of a base of at most this share of it goes as a whole by a negative
    prompt in it, if it has no positive one."""
    base_reach: float = 0.3
    """Largest distance from a prompt at which it changes a base, as a share of the frame's shorter
    side."""
