"""TAP-Vid: any points, queried in their first visible frame or every five frames.

C. Doersch et al. 2022, "TAP-Vid: A Benchmark for Tracking Any Point in a Video" (arXiv 2211.03726).

Shape letters: T frames, N tracks, Q queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.points.protocol import PointProtocol, PointScores
from benchmarks.points.video_frames import VideoFrames
from benchmarks.reporting.published_figures import PublishedTable
from benchmarks.reporting.published_points import TAP_VID_FIRST, TAP_VID_STRIDED
from vos.datasets.points.point_video import PointDataset, PointVideo
from vos.evaluation.points.tap_vid import (
    QUERY_STRIDE,
    SIZE,
    THRESHOLDS,
    Mode,
    Queries,
    make_queries,
    mean_scores,
    score_tap_vid,
)
from vos.tracking.tracks import Tracks

_NAMES = {"average_jaccard": "AJ", "average_pts_within_thresh": "δ_avg", "occlusion_accuracy": "OA"}


class TapVidProtocol(PointProtocol):
    """Frames of 256 x 256, and queries of one mode."""

    benchmark = "tap-vid"
    full_set = 30

    def __init__(self, dataset: PointDataset[PointVideo], mode: Mode) -> None:
        super().__init__(dataset)
        self.mode = mode
        self.backward = mode == "strided"

    @property
    def published(self) -> PublishedTable:
        """The rows to set beside a run's, which are those of its mode."""
        return TAP_VID_FIRST if self.mode == "first" else TAP_VID_STRIDED

    @property
    def rules(self) -> dict[str, Any]:
        """How scores are counted."""
        stride = QUERY_STRIDE if self.mode == "strided" else None
        return {"queries": self.mode, "query_stride": stride, "size": list(SIZE)}

    def frames(self, video: PointVideo) -> VideoFrames:
        """Return the frames at 256 x 256."""
        return VideoFrames(video.frames, SIZE)

    def frame_size(self, video: PointVideo) -> tuple[int, int]:
        """Return (width, height)."""
        del video
        return SIZE

    def queries(self, video: PointVideo) -> NDArray[np.float64]:
        """Return the queries (Q, 3): frame, x, y."""
        return _queries(video, self.mode).points[:, [0, 2, 1]]

    def truth(self, video: PointVideo) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the tracks of the queries (Q, T, 2), and where they are visible (Q, T)."""
        queries = _queries(video, self.mode)
        return queries.target_points, ~queries.target_occluded

    def score(self, tracks: Mapping[str, Tracks]) -> PointScores:
        """Score each video by TAP-Vid's figures; overall are their means."""
        figures, counts = {}, {}
        for video in self.dataset.videos:
            queries, found = _queries(video, self.mode), tracks[video.name]
            score = score_tap_vid(queries, found.xy, ~found.visible).figures
            figures[video.name] = {_shown(name): 100 * value for name, value in score.items()}
            counts[video.name] = len(queries)
        order = [*_NAMES.values(), *(f"δ_{x}" for x in THRESHOLDS), *(f"J_{x}" for x in THRESHOLDS)]
        videos = {name: {key: own[key] for key in order} for name, own in figures.items()}
        return PointScores(mean_scores(list(videos.values())), videos, {"queries": counts})


def _queries(video: PointVideo, mode: Mode) -> Queries:
    scale = np.array(SIZE) / video.size
    positions = (video.positions * scale).transpose(1, 0, 2)  # (T, N, 2) -> (N, T, 2)
    return make_queries(positions, ~video.visible.T, mode)


def _shown(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    return name.replace("pts_within", "δ").replace("jaccard", "J")
