"""The backward pass of a run: from the last prompt back to the first frame taken.

It comes before the forward pass, which writes everything in the frames' order. What it finds for a
frame is kept on disk until then. Before the first prompt it stands alone; between two prompts it is
merged with what the forward pass finds.

Shapes: H W pixels, h w patches.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from torch import Tensor

from vos.errors import InputError
from vos.masks.values import LoadedMask
from vos.propagation.propagator import LabelPropagator
from vos.propagation.snapshot import Snapshot
from vos.runtime.devices import synchronize
from vos.runtime.progress import status
from vos.segmentation.options import PromptRules
from vos.segmentation.passes.both_passes import BothPasses
from vos.segmentation.passes.frame_features import frames_with_features
from vos.segmentation.passes.pass_labels import FrameLabels, PassFolder
from vos.segmentation.prompts import fit_prompt
from vos.segmentation.run_record import StageSeconds
from vos.video.backward.reading import open_backward
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frames import Frame
from vos.video.reader import FrameReader

_SAVE_SECONDS = 10.0


class BackwardPass:
    """The way back through one source.

    Args:
        reader: the source as the forward pass reads it.
        tracker: the run's propagator, at the beginning of a video; it is left like that.
        prompts: the masks given, by the frame's index in the source.
        rules: how masks may differ from what is expected.
        frames: which frames of the source the reader gives.
        reading: how the reader was opened.
        folder: where the labels are kept.

    Attributes:
        done: frames passed.
        computed: those of them that this run computed.
        decode_seconds: busy time of the decoding thread.
    """

    def __init__(
        self,
        reader: FrameReader,
        tracker: LabelPropagator,
        prompts: dict[int, LoadedMask],
        *,
        rules: PromptRules,
        frames: FrameRange,
        reading: ReadingOptions | None,
        folder: PassFolder,
    ) -> None:
        self.folder = folder
        self.done = 0
        self.computed = 0
        self.decode_seconds = 0.0
        self._reader = reader
        self._tracker = tracker
        self._prompts = prompts
        self._rules = rules
        self._range = frames
        self._reading = reading
        self._both = BothPasses({index: prompt.ids for index, prompt in prompts.items()})
        self._first, self._last = self._both.first, self._both.last
        self._latest: Snapshot | None = None

    def run(self, seconds: StageSeconds, on_frame: Callable[[int, int | None], None]) -> None:
        """Go through all frames, on from where a stopped run was.

        Args:
            seconds: what it takes is added to.
            on_frame: called after each frame with (frames done, frames of this pass or None).

        Raises:
            InputError: a frame or mask cannot be used.
            OSError: labels cannot be written.
            KeyboardInterrupt: stopped; the pass can be resumed.
        """
        if self._last == self._range.start:
            return
        if self.folder.is_complete:
            self.done = self.folder.frames
            return
        try:
            self._frames(seconds, on_frame)
        except BaseException:
            if self._latest is not None:
                with suppress(OSError):  # what is raised already says that the disk is full
                    self.folder.save_state(self._latest)
            raise
        finally:
            self._tracker.reset()
        self.folder.complete(self.done)

    def _frames(self, seconds: StageSeconds, on_frame: Callable[[int, int | None], None]) -> None:
        earlier = self.folder.state()
        replayed = -1 if earlier is None else earlier.number
        images: dict[int, np.ndarray] = {}
        saved = time.monotonic()
        missing = set(self._prompts)
        if self._reader.kind == "video":
            status(f"reading the video up to frame {self._last}, to go back from there")
        with open_backward(self._reader, self._range, self._last, self._reading) as reader:
            for frame, features in frames_with_features(
                reader, self._tracker, seconds, lambda position, _: position > replayed
            ):
                missing.discard(frame.index)
                if earlier is not None and self.done <= replayed:
                    self._replay(frame, earlier, images)
                else:
                    self._step(frame, features, seconds)
                    if time.monotonic() - saved > _SAVE_SECONDS and self._latest is not None:
                        self.folder.save_state(self._latest)
                        saved = time.monotonic()
                self.done += 1
                on_frame(self.done, reader.count)
            self.decode_seconds = reader.decode_seconds
        if missing:
            raise InputError(
                f"masks were given for frames {sorted(missing)}, which the source does not have"
            )

    def _step(self, frame: Frame, features: Tensor | None, seconds: StageSeconds) -> None:
        size = frame.image.shape[:2]
        loaded = self._prompts.get(frame.index)
        prompt = None
        if loaded is not None:
            prompt = fit_prompt(loaded, frame.index, size, self._rules, self._range.max_size)
        start = time.perf_counter()
        mask = self._tracker.step(frame.image, prompt, features=features)
        synchronize(self._tracker.backbone.device)
        seconds.propagation += time.perf_counter() - start
        if frame.index < self._last:
            alone = mask if frame.index <= self._first else None
            found = FrameLabels(self._tracker.soft_labels, self._tracker.objects, alone)
            self.folder.write(frame.index, found)
        self._latest = self._tracker.snapshot()
        self.computed += 1

    def _replay(self, frame: Frame, earlier: Snapshot, images: dict[int, np.ndarray]) -> None:
        """Pass a frame by whose labels are on disk; take up the state at the last of them."""
        if self.done in earlier.frames:
            images[self.done] = frame.image
        if self.done == earlier.number:
            self._tracker.restore(earlier, images)
            images.clear()
            self._latest = earlier

    def merged(self, frame: Frame, forward: FrameLabels, prompt: np.ndarray | None) -> FrameLabels:
        """Return a frame's outcome by both passes.

        Args:
            frame: the frame.
            forward: the outcome of the forward pass, with its mask.
            prompt: the frame's prompt (H, W), None if it has none.

        Raises:
            InputError: the labels of this pass are missing.
        """
        index = frame.index
        if not self._both.needs_backward(index):
            return forward
        backward = self.folder.read(index)
        if not self._both.needs_forward(index):
            return backward

        def mask_of(labels: Tensor, objects: tuple[int, ...]) -> np.ndarray:
            labels = labels.to(self._tracker.backbone.device)
            return self._tracker.mask_of(labels, objects, frame.image)

        return self._both.merged(index, forward, backward, prompt, mask_of)
