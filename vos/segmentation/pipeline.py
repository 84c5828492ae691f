"""The loop behind `segment_video`: decode, compute, write, and stop well.

Shapes: H W pixels, h w patches, D width.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from torch import Tensor

from vos.errors import InputError
from vos.masks.values import LoadedMask
from vos.propagation.confidence import ObjectConfidence
from vos.propagation.propagator import LabelPropagator
from vos.propagation.snapshot import Snapshot, save_snapshot
from vos.runtime.devices import peak_memory_mib, synchronize
from vos.segmentation.options import OutputOptions, PromptRules
from vos.segmentation.outputs import Outputs
from vos.segmentation.passes.backward_pass import BackwardPass
from vos.segmentation.passes.both_passes import outcome_confidence
from vos.segmentation.passes.frame_features import frames_with_features
from vos.segmentation.passes.pass_labels import FrameLabels, PassFolder
from vos.segmentation.prompts import fit_prompt
from vos.segmentation.run_folder import PASSES, STATE
from vos.segmentation.run_record import RunRecord, RunResults, StageSeconds
from vos.segmentation.sinks.result import Result
from vos.segmentation.source_fingerprint import fingerprint_of
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frames import Frame
from vos.video.reader import FrameReader

OnFrame = Callable[[int, int | None], None]
"""Called after each frame with (frames done, frames in all or None), both passes counted."""
OnPass = Callable[[str], None]
"""Called where a pass of two begins: `backward` or `forward`."""


_SAVE_SECONDS = 10.0


class Pipeline:
    """One run over one source.

    Args:
        reader: the frames.
        tracker: a new propagator.
        prompts: the masks given, by the frame's index in the source.
        rules: how masks may differ from what is expected.
        frames: which frames of the source the reader gives.
        out: the run's folder.
        options: what is written beside the masks.
        on_frame: told of progress.

    Attributes:
        fingerprint: of the source's contents, None of a camera or stream. The record of a run
            that is not complete holds it of the frames done alone.
        record: what `run.json` says.
        seconds: where the time went.
        done: frames with a mask.
        computed: those of them that this run computed.
    """

    def __init__(
        self,
        reader: FrameReader,
        tracker: LabelPropagator,
        prompts: dict[int, LoadedMask],
        *,
        rules: PromptRules,
        frames: FrameRange,
        out: Path,
        options: OutputOptions,
        on_frame: OnFrame | None = None,
    ) -> None:
        self.reader = reader
        self.tracker = tracker
        self.prompts = prompts
        self.rules = rules
        self.frames = frames
        self.out = out
        self.options = options
        self.on_frame = on_frame
        self.fingerprint = fingerprint_of(reader.files, video=reader.is_one_file)
        self.record = RunRecord.of(
            reader.source,
            frames,
            prompts,
            tracker.backbone,
            tracker.config,
            outputs=options,
            fingerprint=self.fingerprint,
        )
        self.seconds = StageSeconds()
        self.done = 0
        self.computed = 0
        self._backward: BackwardPass | None = None
        self._on_pass: OnPass | None = None
        self._latest: Snapshot | None = None
        self._saved = time.monotonic()  # when the state was last handed over to be saved

    def go_back_first(self, reading: ReadingOptions | None, on_pass: OnPass | None) -> None:
        """Have a backward pass go before this one.

        Args:
            reading: how the reader was opened.
            on_pass: told which of the two begins.
        """
        self._on_pass = on_pass
        self._backward = BackwardPass(
            self.reader,
            self.tracker,
            self.prompts,
            rules=self.rules,
            frames=self.frames,
            reading=reading,
            folder=PassFolder(self.out / PASSES),
        )
        self.record.settings["direction"] = "both"

    def run(self, earlier: Snapshot | None) -> None:
        """Segment all frames; `earlier` is where a stopped run goes on.

        Raises:
            InputError: a frame or mask cannot be used; what came before it is on disk.
            OSError: a result cannot be written.
            KeyboardInterrupt: stopped; what was finished is on disk.
        """
        start = time.perf_counter()
        stop: KeyboardInterrupt | None = None
        state = "failed"
        outputs = Outputs(
            self.out,
            self.options,
            self.reader.mean_fps,
            self.frames.stride,
            hold=self.reader.latest,
        )
        try:
            self._go_backward()
            with outputs:
                try:
                    self._frames(outputs, earlier)
                except KeyboardInterrupt as interrupt:
                    if not self.done:
                        raise
                    stop = interrupt  # leaves the block normally: videos stay, up to here
            state = "stopped" if stop else "complete"
        except KeyboardInterrupt:
            if self._backward is not None and self._backward.done:
                state = "stopped"
            raise
        finally:
            self.seconds.decode = self.reader.decode_seconds
            if self._backward is not None:
                self.seconds.decode += self._backward.decode_seconds
            self.seconds.writing = outputs.seconds
            self._finish(state, time.perf_counter() - start, resumable=outputs.all_written)
        if stop is not None:
            raise stop

    def _frames(self, outputs: Outputs, earlier: Snapshot | None) -> None:
        remaining = set(self.prompts)
        memory_images: dict[int, np.ndarray] = {}
        replayed = -1 if earlier is None else earlier.number
        first = min(self.prompts)
        for frame, features in frames_with_features(
            self.reader,
            self.tracker,
            self.seconds,
            lambda position, frame: position > replayed and frame.index >= first,
            in_batches=not self.reader.is_live,  # a live source's frames are not held back
        ):
            remaining.discard(frame.index)
            if earlier is not None and self.done <= earlier.number:
                self._replay(frame, outputs, earlier, memory_images)
            else:
                self._step(frame, features, outputs)
            self.done += 1
            before = 0 if self._backward is None else self._backward.done
            self._report(before + self.done, before)
        if remaining:
            raise InputError(
                f"masks were given for frames {sorted(remaining)}, which the source does not have "
                f"(it ended after {self.done} frames)"
            )

    def _go_backward(self) -> None:
        """Do the pass before this one, if there is one."""
        if self._backward is None:
            return
        begin = self._on_pass or (lambda _: None)
        begin("backward")
        self._backward.run(self.seconds, self._report)
        begin("forward")

    def _report(self, done: int, backward_frames: int | None) -> None:
        """Report the frames done of both passes."""
        if self.on_frame is not None:
            counts = (self.reader.count, backward_frames)
            total = None if counts[0] is None or counts[1] is None else counts[0] + counts[1]
            self.on_frame(done, total)

    def _step(self, frame: Frame, features: Tensor | None, outputs: Outputs) -> None:
        size = frame.image.shape[:2]
        loaded = self.prompts.get(frame.index)
        prompt = None
        if loaded is not None:
            prompt = fit_prompt(loaded, frame.index, size, self.rules, self.frames.max_size)
        start = time.perf_counter()
        ids = self.tracker.step(frame.image, prompt, features=features)
        synchronize(self.tracker.backbone.device)
        self.seconds.propagation += time.perf_counter() - start
        outcome = FrameLabels(self.tracker.soft_labels, self.tracker.objects, ids)
        if self._backward is not None:
            outcome = self._backward.merged(frame, outcome, prompt)
        soft = None
        confidence: dict[int, ObjectConfidence] = {}
        if outcome.labels is not None:
            if self.options.soft != "none":
                soft = outcome.labels.float().cpu().numpy()
            if self.options.needs_confidence:
                confidence = outcome_confidence(outcome, prompt, self.tracker.config)
        snapshot = self.tracker.snapshot()
        assert outcome.mask is not None
        result = Result(frame, outcome.mask, soft, outcome.objects, confidence)
        outputs.write(result, self._saver(snapshot))
        self._latest = snapshot
        self.computed += 1

    def _saver(self, snapshot: Snapshot) -> Callable[[], None] | None:
        """Every few seconds, what saves the state once the mask is on disk."""
        if time.monotonic() - self._saved < _SAVE_SECONDS:
            return None
        self._saved = time.monotonic()
        return lambda: save_snapshot(self.out / STATE, snapshot)

    def _replay(
        self,
        frame: Frame,
        outputs: Outputs,
        earlier: Snapshot,
        memory_images: dict[int, np.ndarray],
    ) -> None:
        """Pass a frame by whose mask is on disk, and take up the state at the last of them."""
        outputs.replay(frame)
        if self.done in earlier.frames:
            memory_images[self.done] = frame.image
        if self.done == earlier.number:
            self.tracker.restore(earlier, memory_images)
            memory_images.clear()

    def _finish(self, state: str, wall: float, *, resumable: bool) -> None:
        """Write the record and, unless all is done, the state to go on from.

        Raises:
            OSError: the record of a complete run cannot be written; its state is kept, so that
                the run can be resumed. After an error or a stop that is what is raised instead.
        """
        self.record.state = state
        self.record.results = RunResults(
            frames=self.done,
            frames_computed=self.computed,
            objects=self.tracker.objects,
            seconds=self.seconds,
            wall_seconds=wall,
            frames_per_second=self.computed / wall if wall else 0.0,
            peak_memory_mib=peak_memory_mib(),
        )
        if state == "complete":
            try:
                self.record.write(self.out)
            except BaseException:
                self._save_latest(resumable)
                raise
            (self.out / STATE).unlink(missing_ok=True)
            if self._backward is not None:
                self._backward.folder.remove()
            return
        if self.fingerprint is not None:
            self.record.settings["fingerprint"] = self.fingerprint.as_json(
                self.done if self._backward is None else None
            )
        self._save_latest(resumable)
        with suppress(OSError):
            self.record.write(self.out)

    def _save_latest(self, resumable: bool) -> None:
        """Save the state after the last frame; a full disk is told by what is raised already."""
        if resumable and self._latest is not None:
            with suppress(OSError):
                save_snapshot(self.out / STATE, self._latest)
