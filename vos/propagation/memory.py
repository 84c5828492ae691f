"""The context of a frame: the prompted frames, and the last n frames with their soft labels.

Protocol of DAVIS 2017 with frozen features: the first frame and its mask, and the last frames
with what was predicted for them. Objects may come and go; every stored frame's labels always have
the channels of the present objects.

Shapes: P = h * w patches, C = 1 + objects, background first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class ContextFrame:
    """One frame that labels are taken from."""

    number: int
    """Position in the video."""
    features: Sequence[Tensor]
    """As `vos.propagation.neighborhood.Neighborhood.lay_out` stores them."""
    labels: Tensor
    """(P, C) float32."""


@dataclass(frozen=True)
class MemoryState:
    """All of a memory but the features, which can be computed again from the frames."""

    objects: tuple[int, ...]
    prompted: dict[int, Tensor]
    """Frame number -> labels (P, C) of the prompted frames."""
    last: dict[int, Tensor]
    """The same of the last frames, oldest first."""
    first_prompt: dict[int, int]
    """Object id -> number of the frame that first gave it."""
    latest_prompt: dict[int, int]
    """Object id -> number of the frame that last gave it."""


class ContextMemory:
    """Prompted frames and the last n, bounded however long the video is.

    Of the prompted frames, those stay that hold the first or the latest prompt of a present
    object: at most two frames an object.

    Invariant: `objects[c - 1]` is the object of channel c in every stored frame's labels.
    """

    def __init__(self, n_last_frames: int) -> None:
        self.objects: tuple[int, ...] = ()
        self._prompted: dict[int, ContextFrame] = {}
        self._first: dict[int, int] = {}
        self._latest: dict[int, int] = {}
        self._last: deque[ContextFrame] = deque(maxlen=n_last_frames)

    def __len__(self) -> int:
        return len(self._prompted) + len(self._last)

    def __iter__(self) -> Iterator[ContextFrame]:
        """Give the context: prompted frames in order, then the last frames in order."""
        yield from self._prompted.values()
        yield from self._last

    def add_objects(self, new: tuple[int, ...]) -> None:
        """Give new objects the last channels, empty in the frames stored so far."""
        self.objects += new
        for frame in self:
            empty = frame.labels.new_zeros(len(frame.labels), len(new))
            frame.labels = torch.cat([frame.labels, empty], dim=1)

    def remove_object(self, object_id: int) -> None:
        """Drop an object's channel; what it held becomes background.

        Raises:
            ValueError: there is no such object.
        """
        channel = self.objects.index(object_id) + 1
        self.objects = tuple(o for o in self.objects if o != object_id)
        kept = [c for c in range(len(self.objects) + 2) if c != channel]
        for frame in self:
            labels = frame.labels[:, kept]
            labels[:, 0] += frame.labels[:, channel]
            frame.labels = labels
        self._first.pop(object_id)
        self._latest.pop(object_id)
        self._forget()

    def remember_prompt(self, frame: ContextFrame, objects: tuple[int, ...]) -> None:
        """Keep a frame whose mask gives some objects."""
        self._prompted[frame.number] = frame
        for object_id in objects:
            self._first.setdefault(object_id, frame.number)
            self._latest[object_id] = frame.number
        self._forget()

    def remember(self, frame: ContextFrame) -> None:
        """Keep a predicted frame as the last one."""
        self._last.append(frame)

    def state(self) -> MemoryState:
        """Return what `restore` needs; the labels are shared, not copied."""
        return MemoryState(
            self.objects,
            {number: frame.labels for number, frame in self._prompted.items()},
            {frame.number: frame.labels for frame in self._last},
            dict(self._first),
            dict(self._latest),
        )

    def restore(self, state: MemoryState, features: Mapping[int, Sequence[Tensor]]) -> None:
        """Become what `state` was taken of.

        Args:
            state: what `state` returned.
            features: frame number -> its features, laid out.
        """
        self.objects = state.objects
        self._first, self._latest = dict(state.first_prompt), dict(state.latest_prompt)
        self._prompted = {
            number: ContextFrame(number, features[number], labels)
            for number, labels in state.prompted.items()
        }
        self._last.clear()
        for number, labels in state.last.items():
            self._last.append(ContextFrame(number, features[number], labels))

    def _forget(self) -> None:
        needed = set(self._first.values()) | set(self._latest.values())
        self._prompted = {n: f for n, f in self._prompted.items() if n in needed}
