"""The context of a frame: the prompted frames, and the last n frames with their soft labels.

Protocol of DAVIS 2017 with frozen features: the first frame and its mask, and the last frames
with what was predicted for them. Channels may come and go; every stored frame's labels always have
the present ones.

Shapes: P = h * w patches, C label channels, background first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from vos.propagation.neighborhood import LaidOut


@dataclass
class ContextFrame:
    """One frame that labels are taken from."""

    number: int
    """Position in the video."""
    features: LaidOut
    """As `vos.propagation.neighborhood.Neighborhood.lay_out` stores them."""
    labels: Tensor
    """(P, C) float32."""


@dataclass(frozen=True)
class ContextState:
    """All of a memory but the features, which can be computed again from the frames."""

    prompted: dict[int, Tensor]
    """Frame number -> labels (P, C) of the prompted frames."""
    last: dict[int, Tensor]
    """The same of the last frames, oldest first."""
    first_prompt: tuple[int, ...]
    """Number of the frame that first gave channel 1, 2, and so on: C - 1 of them."""
    latest_prompt: tuple[int, ...]
    """The same of the frame that last gave it."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Numbers of the frames that it holds, rising."""
        return tuple(sorted({*self.prompted, *self.last}))


class ContextMemory:
    """Prompted frames and the last n, bounded however long the video is.

    Of the prompted frames, those stay that hold the first or the latest prompt of a present
    channel: at most two frames a channel.
    """

    def __init__(self, n_last_frames: int) -> None:
        self._prompted: dict[int, ContextFrame] = {}
        self._last: deque[ContextFrame] = deque(maxlen=n_last_frames)
        # Frame numbers by channel; the background, channel 0, has no place in them.
        self._first_prompt: list[int] = []
        self._latest_prompt: list[int] = []

    def __len__(self) -> int:
        return len(self._prompted) + len(self._last)

    def __iter__(self) -> Iterator[ContextFrame]:
        """Give the context: prompted frames in order, then the last frames in order."""
        yield from self._prompted.values()
        yield from self._last

    @property
    def prompted(self) -> list[ContextFrame]:
        """The prompted frames, in order."""
        return list(self._prompted.values())

    def last(self, *, filled: bool = False) -> list[ContextFrame]:
        """Return the last frames, in order.

        Args:
            filled: let the first prompted frame stand for those that are not there yet, so that
                they are n; it comes so many times.
        """
        missing = (self._last.maxlen or 0) - len(self._last) if filled else 0
        return self.prompted[:1] * missing + list(self._last)

    @property
    def channels(self) -> int:
        """C, the background counted."""
        return 1 + len(self._first_prompt)

    def remove_channel(self, channel: int) -> None:
        """Drop a channel other than the background, which gets what it held."""
        remaining = [c for c in range(self.channels) if c != channel]
        for frame in self:
            labels = frame.labels[:, remaining]
            labels[:, 0] += frame.labels[:, channel]
            frame.labels = labels
        del self._first_prompt[channel - 1], self._latest_prompt[channel - 1]
        self._drop_spent_prompts()

    def remember_prompt(self, frame: ContextFrame, channels: Iterable[int]) -> None:
        """Keep a frame whose prompt gives some channels, all new ones among them.

        The frames stored so far have to have its channels already.
        """
        self._prompted[frame.number] = frame
        for channel in sorted(channels):
            if channel == self.channels:
                self._first_prompt.append(frame.number)
                self._latest_prompt.append(frame.number)
            else:
                self._latest_prompt[channel - 1] = frame.number
        self._drop_spent_prompts()

    def remember(self, frame: ContextFrame) -> None:
        """Keep a predicted frame as the last one."""
        self._last.append(frame)

    def state(self) -> ContextState:
        """Return what `restore` needs; the labels are shared, not copied."""
        return ContextState(
            {number: frame.labels for number, frame in self._prompted.items()},
            {frame.number: frame.labels for frame in self._last},
            tuple(self._first_prompt),
            tuple(self._latest_prompt),
        )

    def restore(self, state: ContextState, features: Mapping[int, LaidOut]) -> None:
        """Become what `state` was taken of.

        Args:
            state: what `state` returned.
            features: frame number -> its features, laid out. The labels move to their device.
        """
        self._first_prompt = list(state.first_prompt)
        self._latest_prompt = list(state.latest_prompt)
        self._prompted = {
            number: _stored(number, features[number], labels)
            for number, labels in state.prompted.items()
        }
        self._last.clear()
        for number, labels in state.last.items():
            self._last.append(_stored(number, features[number], labels))

    def _drop_spent_prompts(self) -> None:
        needed = {*self._first_prompt, *self._latest_prompt}
        self._prompted = {n: f for n, f in self._prompted.items() if n in needed}


def _stored(number: int, features: LaidOut, labels: Tensor) -> ContextFrame:
    return ContextFrame(number, features, labels.to(features[0].device))
