"""One pass through a video, of which what is on disk is not computed again.

Frames have places on the way, from 0 on. Frames that the source leaves out, as they are damaged,
have places but no steps, so that the numbers of steps are those of an undivided run.

Shapes: H W pixels, h w patches, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vos.app.engine.propagating.chains import Chains
from vos.app.engine.propagating.left_out import LeftOutFrames
from vos.app.engine.propagating.pass_store import PassStore
from vos.backbones.backbone import Backbone
from vos.propagation.config import PropagationConfig
from vos.propagation.pixels.upsampling import mask_of_labels
from vos.propagation.propagator import LabelPropagator
from vos.propagation.snapshot import MemoryState, Snapshot
from vos.segmentation.passes.pass_labels import FrameLabels

STATE_EVERY = 20
"""Frames between two states on disk."""
_NEAR = 8
"""Steps that are not worth taking up a state for."""

Image = NDArray[np.uint8]


class CachedPass:
    """The way forward from the first prompt, or back from the last one.

    Args:
        way: which.
        prompts: masks (H, W) of ids by the frame's number.
        chains: what the labels depend on, the backbone too.
        store: where they are kept.
        backbone: the network.
        config: the propagation's numbers.
        frame: gives a frame's picture (H, W, 3) and its features (h, w, D) of unit length.
        left_out: says which frames the source leaves out.

    Attributes:
        steps: frames that were propagated, and not taken from the disk.
    """

    def __init__(
        self,
        way: Literal["forward", "backward"],
        prompts: Mapping[int, NDArray[np.uint8]],
        chains: Chains,
        store: PassStore,
        *,
        backbone: Backbone,
        config: PropagationConfig,
        frame: Callable[[int], tuple[Image, Tensor]],
        left_out: LeftOutFrames,
    ) -> None:
        self.steps = 0
        self._forward = way == "forward"
        self._prompts = prompts
        self._chains = chains
        self._store = store
        self._frame = frame
        self._left_out = left_out
        self._config = config
        self._backbone = backbone
        self._tracker: LabelPropagator | None = None
        self._at: int | None = None  # place of the last frame that the tracker passed

    def compute(self, frame: int) -> None:
        """See that a frame's labels are on disk.

        Raises:
            InputError: a frame cannot be read.
            OSError: the labels cannot be written.
        """
        if not self._store.has_labels(self.chain(frame), frame):
            self._go_to(frame)

    def outcome(self, frame: int) -> FrameLabels:
        """Return a frame's labels on the processor, with a mask if the frame is prompted.

        Raises:
            InputError: a frame cannot be read.
            OSError: the labels cannot be written.
        """
        chain = self.chain(frame)
        stored = self._store.labels(chain, frame)
        if stored is None or self._store.is_adaptive(chain) is None:
            self._go_to(frame)
            stored = self._store.labels(chain, frame)
            assert stored is not None
        return stored

    @torch.inference_mode()
    def mask_of(
        self, frame: int, labels: Tensor, objects: tuple[int, ...], image: Image
    ) -> NDArray[np.uint8]:
        """Return the mask (H, W) that this pass makes of labels (C, h, w) at a frame."""
        return mask_of_labels(
            labels.to(self._backbone.device), objects, image, self._config,
            scale=self._backbone.stride,
            adaptive=bool(self._store.is_adaptive(self.chain(frame))),
        )  # fmt: skip

    def chain(self, frame: int) -> str:
        """Return the digest of what the labels of a frame depend on."""
        return self._chains.forward(frame) if self._forward else self._chains.backward(frame)

    def _place(self, frame: int) -> int:
        """Return the place of a frame on the way, and the frame of a place."""
        return frame if self._forward else self._chains.last - frame

    def _left_out_before(self, place: int) -> int:
        """Return how many frames are left out on the way to a place."""
        if self._forward:
            return self._left_out.count(0, place)
        return self._left_out.count(self._chains.last - place + 1, self._chains.last + 1)

    def _frame_of_step(self, number: int) -> int:
        """Return the frame of a step, by its number in an undivided run."""
        place = number
        while (further := number + self._left_out_before(place + 1)) != place:
            place = further
        return self._place(place)

    def _go_to(self, frame: int) -> None:
        """Propagate up to a frame, from the nearest state before it."""
        target = self._place(frame)
        if self._at is None or not self._at < target <= self._at + _NEAR:
            self._take_up(target)
        assert self._at is not None
        for place in range(self._at + 1, target + 1):
            if self._left_out.has(self._place(place)):
                self._at = place
            else:
                self._step(self._place(place))

    def _take_up(self, target: int) -> None:
        """Restore the nearest state before a place, if the tracker is not nearer itself."""
        at = self._at
        if at is not None and at >= target:
            at = None
        start = self._place(self._chains.first if self._forward else self._chains.last)
        low = start - 1 if at is None else at
        for place in range(target - 1, low, -1):
            frame = self._place(place)
            chain = self.chain(frame)
            if self._store.has_state(chain, frame):
                snapshot = self._store.state(chain, frame)
                if snapshot is not None:
                    self._restore(snapshot, place)
                    return
        if at is None:
            number = start - self._left_out_before(start)
            self._restore(Snapshot(number - 1, MemoryState((), {}, {}, {}, {})), start - 1)

    def _restore(self, snapshot: Snapshot, place: int) -> None:
        self._at = None
        tracker = self._tracker or LabelPropagator(self._backbone, self._config)
        self._tracker = tracker
        tracker.restore_with(snapshot, lambda n: self._frame(self._frame_of_step(n))[1])
        self._at = place

    def _step(self, frame: int) -> None:
        """Take a step, and keep its labels and now and then the state."""
        image, features = self._frame(frame)
        prompt = self._prompts.get(frame)
        tracker = self._tracker
        assert tracker is not None
        place, self._at = self._place(frame), None  # a step that fails leaves no state
        mask = tracker.step(image, prompt, features=features)
        self._at = place
        self.steps += 1
        chain = self.chain(frame)
        if not self._store.has_labels(chain, frame) or self._store.is_adaptive(chain) is None:
            kept = mask if prompt is not None else None
            result = FrameLabels(tracker.soft_labels, tracker.objects, kept)
            self._store.write_labels(chain, frame, result, adaptive=tracker.is_adaptive)
        due = prompt is not None or place % STATE_EVERY == 0
        if due and not self._store.has_state(chain, frame):
            self._store.write_state(chain, frame, tracker.snapshot())
