"""Propagation and target model together: the adaptive mode.

With the verbs of `vos.propagation.context_propagation`. The propagation says which labels similar
patches near by had; the target model (`vos.propagation.target_model`) says what the patch looks
like in this video. Their product, normalised, is the result, and is what later frames see.

Shapes: D width, h w patches, P = h * w, C label channels, background first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vos.propagation.config import PropagationConfig
from vos.propagation.context_propagation import ContextPropagation
from vos.propagation.memory import ContextState
from vos.propagation.target_model import (
    Reliability,
    TargetModel,
    TargetState,
    leave_one_out,
)

_RIDGES = (1e-5, 1e-4, 1e-3, 1e-2)
"""Penalties that a given mask is tried with, as shares of the features' variance."""
_LEAST_SHARE = 1e-3
"""What a label counts as at least, so that the target model can bring it back."""


@dataclass(frozen=True)
class AdaptiveState(ContextState):
    """What `AdaptivePropagation.restore` needs, without features."""

    target: TargetState


def target_strength(reliability: Reliability, config: PropagationConfig) -> float:
    """Say how much the target model is worth, from its error on a given mask; 0: nothing."""
    trusted, useless = config.adaptive_trusted_error, config.adaptive_useless_error
    share = (useless - reliability.error) / (useless - trusted)
    return config.adaptive_strength * min(1.0, max(0.0, share))


def engine_for(
    features: Tensor, labels: Tensor, config: PropagationConfig, stride: int
) -> ContextPropagation | AdaptivePropagation:
    """Choose a video's engine by its first given mask.

    Where the features do not tell its objects from the rest, the target model makes masks worse:
    the engine is the published one then.

    Args:
        features: (h, w, D) of unit length.
        labels: (P, C) float32 shares of the patches, by area.
        config: the numbers of both modes.
        stride: pixels of the network's input that a patch is wide.
    """
    reliability = leave_one_out(features, labels, _RIDGES)
    if target_strength(reliability, config) > 0:
        return AdaptivePropagation(config, stride, first=reliability)
    return ContextPropagation(config)


class AdaptivePropagation:
    """Propagate labels with a model of what tells the channels apart in this video.

    Time and memory of a frame do not depend on how many went before. Features are (h, w, D) of
    unit length in any float type; labels are (P, C) float32 on the same device.

    Args:
        config: the numbers.
        stride: pixels of the network's input that a patch is wide.
        first: what the first given mask says of the features, where it is known already.
    """

    def __init__(
        self, config: PropagationConfig, stride: int, first: Reliability | None = None
    ) -> None:
        self._config = config
        self._first = first
        radius = -(-config.adaptive_reach // stride)
        self._context = ContextPropagation(replace(config, neighborhood_radius=radius))
        self._target = TargetModel(
            recent=min(config.adaptive_recent, config.n_last_frames),  # a state has no others
            keep_every=config.adaptive_keep_every,
            keep_most=config.adaptive_keep_most,
            prompt_weight=config.adaptive_prompt_weight,
        )

    @property
    def channels(self) -> int:
        """C, the background counted; 1 where there is nothing to follow."""
        return self._context.channels

    def propagate(self, features: Tensor) -> Tensor | None:
        """Predict a frame's labels; nothing is remembered.

        Args:
            features: (h, w, D) of the frame.

        Returns:
            (P, C) float32, or None where there is no channel but the background.

        Raises:
            InputError: the features have another h or w than those before.
        """
        propagated = self._context.propagate(features)
        if propagated is None:
            return None
        evidence = propagated.clamp_min(_LEAST_SHARE).log_()
        if self._target.strength:
            evidence += self._target.strength * self._target.scores(features)
        return torch.softmax(evidence, dim=1)

    def remember(self, number: int, features: Tensor, labels: Tensor) -> None:
        """Keep a frame with its propagated labels as the last one; see `ContextPropagation`."""
        self._context.remember(number, features, labels)
        if self.channels > 1:
            self._target.remember(number, features, labels)

    def remember_prompt(
        self, number: int, features: Tensor, labels: Tensor, channels: Iterable[int]
    ) -> None:
        """Keep a frame some of whose labels were given; see `ContextPropagation`.

        Where channels are new, the frame says how far the target model is to be trusted.
        """
        new = labels.shape[1] > self.channels
        self._context.remember_prompt(number, features, labels, channels)
        if new:
            reliability = self._first or leave_one_out(features, labels, _RIDGES)
            self._first = None
            self._target.rely(reliability, target_strength(reliability, self._config))
            self._target.forget_kept()
        self._rebuild()

    def remove_channel(self, channel: int) -> None:
        """Drop a channel; what it held becomes background; see `ContextPropagation`."""
        self._context.remove_channel(channel)
        self._target.remove_channel(channel)
        self._rebuild()

    def state(self) -> AdaptiveState:
        """Return what `restore` needs, without features; the labels are shared, not copied."""
        context = self._context.state()
        return AdaptiveState(
            context.prompted,
            context.last,
            context.first_prompt,
            context.latest_prompt,
            self._target.state(),
        )

    def restore(self, state: AdaptiveState, features: Callable[[int], Tensor]) -> None:
        """Become what `state` was taken of; see `ContextPropagation`."""
        self._context.restore(state, features)
        self._rebuild()
        self._target.restore(state.target, self._context.device)

    def _rebuild(self) -> None:
        """Make the target model's sums of the context's frames again."""
        prompted, last = self._context.kept_frames()
        self._target.rebuild(prompted, last)
