"""Frames with their features, in batches on a GPU, and what waiting and computing took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from torch import Tensor

from vos.propagation.propagator import LabelPropagator
from vos.runtime.devices import synchronize
from vos.segmentation.run_record import StageSeconds
from vos.video.frames import Frame

_GPU_BATCH = 4


def frames_with_features(
    frames: Iterable[Frame],
    tracker: LabelPropagator,
    seconds: StageSeconds,
    needs_features: Callable[[int, Frame], bool],
    *,
    in_batches: bool = True,
) -> Iterator[tuple[Frame, Tensor | None]]:
    """Yield the frames in their order, each with its features (h, w, D) or None.

    Args:
        frames: the frames.
        tracker: computes the features.
        seconds: `decode_wait` and `features` are added to.
        needs_features: called once with each frame's position among them, and the frame.
        in_batches: hold frames back for a batch on a GPU.

    Raises:
        InputError: a frame cannot be read, or is too small.
    """
    alone = not in_batches or tracker.backbone.device.type == "cpu"
    size = 1 if alone else _GPU_BATCH
    batch: list[Frame] = []
    for position, frame in enumerate(_timed(frames, seconds)):
        if not needs_features(position, frame):
            yield frame, None
            continue
        batch.append(frame)
        if len(batch) == size:
            yield from _computed(batch, tracker, seconds)
            batch = []
    if batch:
        yield from _computed(batch, tracker, seconds)


def _computed(
    batch: list[Frame], tracker: LabelPropagator, seconds: StageSeconds
) -> Iterator[tuple[Frame, Tensor]]:
    start = time.perf_counter()
    features = tracker.features([frame.image for frame in batch])
    synchronize(tracker.backbone.device)
    seconds.features += time.perf_counter() - start
    yield from zip(batch, features, strict=True)


def _timed(frames: Iterable[Frame], seconds: StageSeconds) -> Iterator[Frame]:
    frames = iter(frames)
    while True:
        start = time.perf_counter()
        frame = next(frames, None)
        seconds.decode_wait += time.perf_counter() - start
        if frame is None:
            return
        yield frame
