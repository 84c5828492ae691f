"""The loop behind `track_video`: step, write, save, and stop well.

Shapes: N points, H W pixels.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.files import atomic_path, write_json
from vos.runtime.provenance import package_versions, timestamp
from vos.segmentation.run_folder import BACKWARD, OVERLAY, RUN, STATE, TRACKS
from vos.tracking.options import TrackOutputs
from vos.tracking.point_files import (
    PointQuery,
    TrackFile,
    TrackRow,
    check_inside,
    heading,
    lines_of,
    read_tracks,
)
from vos.tracking.point_tracker import PointPositions, PointTracker, PointTrackerState
from vos.tracking.snapshot import load_point_state, save_point_state
from vos.video.backward.reading import open_backward
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.frames import Frame
from vos.video.reader import FrameReader
from vos.video.writer import VideoWriter
from vos.visualization.tracks import draw_tracks

OnFrame = Callable[[int, int | None], None]
"""Called after each frame with (frames done, frames in all or None)."""
_SAVE_SECONDS = 10.0
_PICTURE_FPS = 24
"""Frame rate of the overlay where the source, a folder of pictures, has none."""


class TrackRun:
    """One run over one source.

    Attributes:
        done: frames whose rows are written.
        computed: frames that this run computed, in both directions together.
    """

    def __init__(
        self,
        reader: FrameReader,
        points: Sequence[PointQuery],
        by_frame: Mapping[int, list[int]],
        tracker: PointTracker,
        *,
        frames: FrameRange,
        out: Path,
        outputs: TrackOutputs,
        backward: bool,
        reading: ReadingOptions | None,
        on_frame: OnFrame | None,
    ) -> None:
        self.reader = reader
        self.out = out
        self.done = 0
        self.computed = 0
        self._tracker = tracker
        self._points = points
        self._by_frame = by_frame
        self._frames = frames
        self._outputs = outputs
        self._backward = backward
        self._reading = reading
        self._on_frame = on_frame
        self._numbers = {point.name: number for number, point in enumerate(points)}
        self._order: list[int] = []  # numbers of the points, as the tracker has them
        self._latest: PointTrackerState | None = None
        self._tails: deque[NDArray[np.float64]] = deque(maxlen=outputs.tail)
        self._saved = time.monotonic()

    def settings(self, fingerprint: dict[str, Any] | None) -> dict[str, Any]:
        """Return all that the results depend on."""
        return {
            "source": self.reader.source,
            "fingerprint": fingerprint,
            "frames": asdict(self._frames),
            "points": [
                [index, self._points[n].x, self._points[n].y, self._points[n].name]
                for index, numbers in sorted(self._by_frame.items())
                for n in numbers
            ],
            "backward": self._backward,
            "backbone": self._tracker.backbone.describe(),
            "propagation": asdict(self._tracker.config),
            "points_config": asdict(self._tracker.points),
            "outputs": asdict(self._outputs),
        }

    def run(self, settings: dict[str, Any], *, resumed: bool) -> float:
        """Follow the points through all frames; return the seconds that it took.

        Raises:
            InputError: a frame or point cannot be used; what came before it is on disk.
            OSError: a result cannot be written.
            KeyboardInterrupt: stopped; what was finished is on disk.
        """
        start, state = time.perf_counter(), "failed"
        record: dict[str, Any] = {
            "settings": settings,
            "state": "running",
            "command": list(sys.argv),
            "versions": package_versions(),
            "started": timestamp(),
            "results": {},
        }
        try:
            write_json(self.out / RUN, record)
        except PermissionError:
            raise InputError(f"the output folder {self.out} cannot be written to") from None
        try:
            self._both_ways(load_point_state(self.out / STATE) if resumed else None)
            state = "complete"
        except KeyboardInterrupt:
            state = "stopped"
            raise
        finally:
            seconds = time.perf_counter() - start
            record["state"] = state
            record["results"] = {
                "frames": self.done,
                "frames_computed": self.computed,
                "points": len(self._points),
                "wall_seconds": seconds,
            }
            self._finish(record)
        return seconds

    def _finish(self, record: dict[str, Any]) -> None:
        if record["state"] == "complete":
            write_json(self.out / RUN, record)
            for name in (STATE, BACKWARD):
                (self.out / name).unlink(missing_ok=True)
            return
        with suppress(OSError):  # what is raised already says more
            if self._latest is not None:
                save_point_state(self.out / STATE, self._latest)
            write_json(self.out / RUN, record)

    def _both_ways(self, earlier: PointTrackerState | None) -> None:
        before = self._rows_backward()
        kept = {} if earlier is None else _by_index(read_tracks(self.out / TRACKS))
        self._tracker.reset()
        self._order = []
        stop: KeyboardInterrupt | None = None
        with ExitStack() as stack:
            self._file = stack.enter_context(TrackFile(self.out / TRACKS))
            if earlier is None:
                self._file.begin([])
            overlay = None
            if self._outputs.overlay:
                overlay = stack.enter_context(VideoWriter(self.out / OVERLAY, self._fps()))
            try:
                self._forward(before, kept, earlier, overlay)
            except KeyboardInterrupt as interrupt:
                if not self.done:
                    raise
                stop = interrupt  # leaves the block normally: the overlay stays, up to here
        if stop is not None:
            raise stop

    def _fps(self) -> Fraction:
        if self._outputs.overlay_fps:
            return Fraction(self._outputs.overlay_fps)
        fps = self.reader.mean_fps
        return fps / self._frames.stride if fps else Fraction(_PICTURE_FPS)

    def _forward(
        self,
        before: Mapping[int, list[TrackRow]],
        kept: Mapping[int, list[TrackRow]],
        earlier: PointTrackerState | None,
        overlay: VideoWriter | None,
    ) -> None:
        """Go through all frames; those that an earlier run did are read and drawn alone.

        Args:
            before: rows of frames before their points' own, by the frame's index.
            kept: rows that an earlier run wrote.
            earlier: where it stopped.
            overlay: the video to draw into.
        """
        remaining = set(self._by_frame)
        images: dict[int, NDArray[np.uint8]] = {}
        replayed: list[TrackRow] = []
        for position, frame in enumerate(self.reader):
            remaining.discard(frame.index)
            if earlier is not None and position <= earlier.number:
                rows = kept.get(frame.index, [])
                replayed += rows
                self._order += self._by_frame.get(frame.index, [])
                if position in earlier.frames:
                    images[position] = frame.image
                if position == earlier.number:
                    self._tracker.restore(earlier, images)
                    self._latest = earlier
                    self._file.begin(replayed)
                    images.clear()
            else:
                rows = [*before.get(frame.index, []), *self._step(frame, after=True)]
                rows.sort(key=lambda row: self._numbers[row.point])
                self._file.add(rows)
                self._save(self._tracker.state())
            if overlay is not None:
                overlay.write(self._drawn(frame, rows))
            self.done += 1
            if self._on_frame is not None:
                self._on_frame(self.done, self.reader.count)
        if remaining:
            raise InputError(
                f"points were given for frames {sorted(remaining)}, which the source does not have "
                f"(it ended after {self.done} frames)"
            )

    def _save(self, state: PointTrackerState) -> None:
        self._latest = state
        if time.monotonic() - self._saved >= _SAVE_SECONDS:
            self._saved = time.monotonic()
            save_point_state(self.out / STATE, state)

    def _step(self, frame: Frame, *, after: bool) -> Iterator[TrackRow]:
        """Take a frame; give the rows of its points, those given for it only if `after`."""
        new = self._by_frame.get(frame.index, [])
        height, width = frame.image.shape[:2]
        check_inside([self._points[n] for n in new], height, width)
        places = np.array([[self._points[n].x, self._points[n].y] for n in new])
        positions = self._tracker.step(frame.image, places if new else None)
        shown = len(self._order) + (len(new) if after else 0)
        self._order += new
        self.computed += 1
        for slot, number in enumerate(self._order[:shown]):
            yield _row(frame.index, self._points[number].name, positions, slot)

    def _rows_backward(self) -> dict[int, list[TrackRow]]:
        """Follow the points to the frames before their own; by the frame's index."""
        if not self._backward:
            return {}
        path = self.out / BACKWARD
        if path.is_file():
            return _by_index(read_tracks(path))
        rows: dict[int, list[TrackRow]] = {}
        last = max(self._by_frame)
        with open_backward(self.reader, self._frames, last, self._reading) as reader:
            for frame in reader:
                rows[frame.index] = list(self._step(frame, after=False))
                if self._on_frame is not None:
                    self._on_frame(self.computed, None)
        with atomic_path(path) as beside:
            text = "".join(lines_of(rows[index]) for index in sorted(rows))
            beside.write_text(heading() + text, encoding="utf-8")
        return rows

    def _drawn(self, frame: Frame, rows: Sequence[TrackRow]) -> NDArray[np.uint8]:
        """Draw the points of a frame, and remember them for the tails of later ones."""
        xy = np.full((len(self._points), 2), np.nan)
        visible = np.zeros(len(self._points), bool)
        for row in rows:
            number = self._numbers[row.point]
            xy[number], visible[number] = (row.x, row.y), row.visible
        names = [point.name for point in self._points] if self._outputs.show_names else []
        drawn = draw_tracks(frame.image, xy, visible, self._tails, names=names)
        self._tails.append(np.where(visible[:, None], xy, np.nan))  # a lost point has no path
        return drawn


def _row(index: int, name: str, positions: PointPositions, slot: int) -> TrackRow:
    x, y = (float(value) for value in positions.xy[slot])
    visible, confidence = bool(positions.visible[slot]), float(positions.confidence[slot])
    return TrackRow(index, name, x, y, visible, confidence)


def _by_index(rows: Sequence[TrackRow]) -> dict[int, list[TrackRow]]:
    by_index: dict[int, list[TrackRow]] = {}
    for row in rows:
        by_index.setdefault(row.frame, []).append(row)
    return by_index
