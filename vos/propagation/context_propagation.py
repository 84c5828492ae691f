"""Soft labels from frame to frame, by the affinity of patches to a context of other frames.

The engine inside `vos.propagation.propagator`: features and labels in, labels out. It knows
channels alone. What a channel stands for (an object, a part, a point), how a prompt becomes labels
and how labels become pixels is its caller's part. An engine of another kind can take its place
with the same verbs:

    propagate(features) -> labels                           a frame that is not remembered yet
    remember(number, features, labels)                      a frame with its propagated labels
    remember_prompt(number, features, labels, channels)     a frame with given labels
    remove_channel(channel)
    state() -> state, restore(state, features)

Shapes: D width, h w patches, P = h * w, C label channels. Labels are shares of a patch, which sum
to 1, or whatever the caller gives: they are carried on as they are, each channel by itself.
Channel 0 is the background: what belongs to no other channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping, Sequence

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from vos.errors import InputError
from vos.propagation.affinity import ContextGroup, propagate_from_groups
from vos.propagation.config import PropagationConfig
from vos.propagation.memory import ContextFrame, ContextMemory, ContextState
from vos.propagation.neighborhood import LaidOut, Neighborhood

Labelled = tuple[Tensor, Tensor]
"""Features (h, w, D) and labels (P, C) of a frame."""


class ContextPropagation:
    """Propagate labels from the prompted frames and the last ones to the next frame.

    Protocol of DAVIS 2017 with frozen features (Caron et al. 2021, section 4.2.1). Time and memory
    of a frame do not depend on how many went before.

    Features are (h, w, D) of unit length, of one h and w for all frames of a video, in any float
    type; labels are (P, C) float32 on the same device. Frame numbers are the caller's; they rise
    and may leave some out.
    """

    def __init__(
        self, config: PropagationConfig, *, shared_with: ContextPropagation | None = None
    ) -> None:
        """Begin without frames; `shared_with` is another engine that is given the same ones."""
        self._config = config
        self._memory = ContextMemory(config.n_last_frames)
        self._is_sharing = shared_with is not None
        self._layouts: _Layouts = _Layouts(config) if shared_with is None else shared_with._layouts

    @property
    def channels(self) -> int:
        """C, the background counted; 1 where there is nothing to follow."""
        return self._memory.channels

    @property
    def device(self) -> torch.device:
        """Where the labels are; the CPU where there are none."""
        return next((frame.labels.device for frame in self._memory), torch.device("cpu"))

    def propagate(self, features: Tensor) -> Tensor | None:
        """Predict a frame's labels from the context; nothing is remembered.

        Args:
            features: (h, w, D) of the frame.

        Returns:
            (P, C) float32, or None where there is no channel but the background.

        Raises:
            InputError: the features have another h or w than those before.
        """
        if self.channels == 1:
            return None
        memory = self._memory
        last = memory.last(filled=self._config.fill_context)
        return self._propagate_from(memory.prompted, last, features)

    def remember(self, number: int, features: Tensor, labels: Tensor) -> None:
        """Keep a frame with its propagated labels as the last one.

        Args:
            number: position in the video.
            features: (h, w, D).
            labels: (P, C) float32; kept, not copied.

        Raises:
            InputError: features or labels have another shape.
        """
        frame = self._context_frame(number, features, labels)
        if labels.shape[1] != self.channels:
            raise InputError(f"labels have {labels.shape[1]} channels; expected {self.channels}")
        self._memory.remember(frame)

    def remember_prompt(
        self, number: int, features: Tensor, labels: Tensor, channels: Iterable[int]
    ) -> None:
        """Keep a frame some of whose labels were given, for as long as one needs them.

        Channels beyond C are new. They are looked for in the frames kept so far, by propagating
        back to them: those may show what the new channels stand for, and without its labels they
        would outvote the prompt.

        Args:
            number: position in the video.
            features: (h, w, D).
            labels: (P, C + new channels) float32; kept, not copied.
            channels: which channels were given, from 1; new ones count as given.

        Raises:
            InputError: features or labels have another shape.
        """
        prompted = self._context_frame(number, features, labels)
        if labels.shape[1] < self.channels:
            raise InputError(
                f"labels have {labels.shape[1]} channels; expected at least {self.channels}"
            )
        new = range(self.channels, labels.shape[1])
        given = {*channels, *new}
        if not given or not given <= {*range(1, labels.shape[1])}:
            raise InputError(
                f"channels given are {sorted(given)}; expected some from 1 to {labels.shape[1] - 1}"
            )
        if new:
            self._label_kept_frames(prompted, len(new), self._layouts.fit(features))
        self._memory.remember_prompt(prompted, given)

    def remove_channel(self, channel: int) -> None:
        """Drop a channel from 1 to C - 1; what it held becomes background, later ones move up.

        Raises:
            InputError: there is no such channel.
        """
        if not 1 <= channel < self.channels:
            raise InputError(f"no channel {channel}; expected 1 to {self.channels - 1}")
        self._memory.remove_channel(channel)

    def state(self) -> ContextState:
        """Return what `restore` needs, without features; the labels are shared, not copied."""
        return self._memory.state()

    def restore(self, state: ContextState, features: Callable[[int], Tensor]) -> None:
        """Become what `state` was taken of.

        Args:
            state: what `state` returned.
            features: frame number -> its features (h, w, D); asked for `state.frames` in order.
                The labels move to their device.

        Raises:
            InputError: the frames' features have several shapes.
        """
        if not self._is_sharing:
            self._layouts = _Layouts(self._config)
        bands = {}
        for number in state.frames:
            computed = features(number)
            bands[number] = self._layouts.lay_out(computed)
        self._memory.restore(state, bands)

    def kept_frames(self) -> tuple[list[Labelled], list[Labelled]]:
        """Return features (h, w, D) and labels (P, C) of the prompted and of the last frames."""
        prompted = [self._labelled(frame) for frame in self._memory.prompted]
        return prompted, [self._labelled(frame) for frame in self._memory.last()]

    def _labelled(self, frame: ContextFrame) -> Labelled:
        return self._layouts.gather(frame.features), frame.labels

    def _propagate_from(
        self, prompted: Sequence[ContextFrame], last: Sequence[ContextFrame], features: Tensor
    ) -> Tensor:
        """Labels (P, C) of a frame from those of the context."""
        near = self._layouts.fit(features)
        if near.unlimited or not self._config.first_frame_unlimited:
            groups = [_group([*prompted, *last], near)]
        else:
            groups = [self._layouts.everywhere(prompted, near)]
            groups += [_group(last, near)] if last else []
        return propagate_from_groups(
            features,
            groups,
            topk=self._config.topk,
            temperature=self._config.temperature,
            keep_ties=self._config.keep_ties,
        )

    def _label_kept_frames(
        self, prompted: ContextFrame, new: int, neighborhood: Neighborhood
    ) -> None:
        """Give the kept frames a prompted frame's last channels, by propagating back to them."""
        for frame in self._memory:
            features = neighborhood.gather(frame.features)
            shares = self._propagate_from([prompted], [], features)[:, -new:]
            others = frame.labels * (1 - shares.sum(1, keepdim=True))
            frame.labels = torch.cat([others, shares], dim=1)

    def _context_frame(self, number: int, features: Tensor, labels: Tensor) -> ContextFrame:
        neighborhood = self._layouts.fit(features)
        if labels.ndim != 2 or len(labels) != neighborhood.height * neighborhood.width:
            raise InputError(
                f"labels have shape {tuple(labels.shape)}; expected one row for each of the "
                f"{neighborhood.height} x {neighborhood.width} patches"
            )
        return ContextFrame(number, self._layouts.lay_out(features), labels)


class _Layouts:
    """The neighborhood of a video's frames, and frames at hand as they are laid out for it."""

    def __init__(self, config: PropagationConfig) -> None:
        self._config = config
        self._neighborhood: Neighborhood | None = None
        self._whole: Neighborhood | None = None
        self._laid_out: MutableMapping[Tensor, LaidOut] = WeakTensorKeyDictionary()

    def fit(self, features: Tensor) -> Neighborhood:
        """Return the neighborhood of frames (h, w, D).

        Raises:
            InputError: those before had another h or w.
        """
        height, width = features.shape[:2]
        if self._neighborhood is None:
            config = self._config
            self._neighborhood = Neighborhood(
                height,
                width,
                config.neighborhood_radius,
                config.neighborhood_shape,
                open=config.open_radius,
            )
        elif self._neighborhood.grid != (height, width):
            raise InputError(
                f"features of {height} x {width} patches; those before had "
                f"{self._neighborhood.height} x {self._neighborhood.width}"
            )
        return self._neighborhood

    def lay_out(self, features: Tensor) -> LaidOut:
        """Lay out a frame, once for all engines that keep it."""
        neighborhood = self.fit(features)
        if features not in self._laid_out:
            self._laid_out[features] = neighborhood.lay_out(features)
        return self._laid_out[features]

    def gather(self, laid_out: LaidOut) -> Tensor:
        """Undo `lay_out`."""
        assert self._neighborhood is not None  # a frame was laid out, so its grid is known
        return self._neighborhood.gather(laid_out)

    def everywhere(self, frames: Sequence[ContextFrame], near: Neighborhood) -> ContextGroup:
        """Take frames as patches see them that may look at all of them."""
        if self._whole is None:
            self._whole = Neighborhood(*near.grid, radius=0)
        features = [self._whole.lay_out(near.gather(frame.features)) for frame in frames]
        return ContextGroup(features, [frame.labels for frame in frames], self._whole)


def _group(frames: Sequence[ContextFrame], neighborhood: Neighborhood) -> ContextGroup:
    """Take frames as they are laid out for a neighborhood."""
    features = [frame.features for frame in frames]
    return ContextGroup(features, [frame.labels for frame in frames], neighborhood)
