"""What the benchmarks of points have in common, and what each has of its own.

Shape letters: T frames, Q queries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.points.video_frames import VideoFrames
from benchmarks.reporting.published_figures import PublishedTable
from vos.datasets.points.point_video import PointDataset, PointVideo
from vos.tracking.tracks import Tracks


@dataclass(frozen=True)
class PointScores:
    """The figures of a run, in percent."""

    overall: Mapping[str, float]
    """Over all videos, the headline first; NaN where there is nothing to score."""
    videos: Mapping[str, Mapping[str, float]]
    """The same figures of each video alone."""
    details: Mapping[str, Any]
    """What else `results.json` holds under `results`."""


class PointProtocol(ABC):
    """One benchmark's protocol on an open set."""

    benchmark: str
    """The verb's name."""
    full_set: int
    """Videos of the set that the published figures are of."""
    backward = False
    """Queries are followed to the frames before them too."""

    def __init__(self, dataset: PointDataset[Any]) -> None:
        self.dataset = dataset

    @property
    @abstractmethod
    def published(self) -> PublishedTable:
        """The rows to set beside a run's; its columns are figures of `PointScores.overall`."""

    @property
    @abstractmethod
    def rules(self) -> dict[str, Any]:
        """How scores are counted, for the record."""

    @abstractmethod
    def queries(self, video: PointVideo) -> NDArray[np.float64]:
        """Return what is followed (Q, 3): frame, x and y in pixels of the frames."""

    @abstractmethod
    def truth(self, video: PointVideo) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the true positions of the queries (Q, T, 2) in pixels of the frames, and where
        they are known and in sight (Q, T)."""

    @abstractmethod
    def score(self, tracks: Mapping[str, Tracks]) -> PointScores:
        """Score the tracks of all videos, by the videos' names."""

    def frames(self, video: PointVideo) -> VideoFrames:
        """Return the frames that points are followed through."""
        return VideoFrames(video.frames)

    def frame_size(self, video: PointVideo) -> tuple[int, int]:
        """Return the frames' (width, height)."""
        height, width = self.frames(video)[0].shape[:2]
        return width, height

    def work(self, video: PointVideo) -> int:
        """Return how many frames are gone through for a video."""
        starts = self.queries(video)[:, 0]
        passes = [video.frame_count - int(starts.min(initial=video.frame_count))]
        if self.backward and starts.max(initial=0) > 0:
            passes.append(int(starts.max()) + 1)
        return sum(passes)

    def row(self, scores: PointScores) -> Sequence[float | None]:
        """Return the run's figures for the published columns."""
        values = [scores.overall.get(column) for column in self.published.columns]
        return [None if value is None or np.isnan(value) else value for value in values]
