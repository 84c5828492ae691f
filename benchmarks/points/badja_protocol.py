"""BADJA: joints of animals from the first annotated frame on, scored by PCK-T.

Protocol of A. W. Harley et al. 2022, "Particle Video Revisited" (arXiv 2204.04153).

Shape letters: T frames, Q queries (joints).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.points.protocol import PointProtocol, PointScores
from benchmarks.reporting.published_figures import PublishedTable
from benchmarks.reporting.published_points import BADJA
from vos.datasets.points.badja import AnimalVideo, read_foreground
from vos.datasets.points.point_video import PointVideo
from vos.evaluation.points.pck_t import FACTOR, SIZE, at_scored_size, score_pck_t, scored_area
from vos.tracking.tracks import Tracks

_PCK_T = "PCK-T"
_FINER = 0.1
_NUDGE = 1e-6  # pixels


class BadjaProtocol(PointProtocol):
    """All joints of the first annotated frame, those not visible there too."""

    benchmark = "badja"
    full_set = 7

    @property
    def published(self) -> PublishedTable:
        """The rows to set beside a run's."""
        return BADJA

    @property
    def rules(self) -> dict[str, Any]:
        """How scores are counted."""
        return {"factor": FACTOR, "size": list(SIZE)}

    def queries(self, video: PointVideo) -> NDArray[np.float64]:
        """Return the joints of the first frame (Q, 3).

        Some lie just on the border of two cells. Scaled to the frame's size they may come out a
        rounding below it; a nudge keeps them in the cell that the published program takes.
        """
        scale = np.array(self.frame_size(video)) / video.size
        return np.insert(video.positions[0] * scale + _NUDGE, 0, 0, axis=1)

    def truth(self, video: PointVideo) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the joints (Q, T, 2), and whether they are annotated and visible (Q, T)."""
        scale = np.array(self.frame_size(video)) / video.size
        return (video.positions * scale).transpose(1, 0, 2), video.visible.T

    def score(self, tracks: Mapping[str, Tracks]) -> PointScores:
        """Score by PCK-T, at the published threshold and at half of it."""
        factors = {_PCK_T: FACTOR, f"{_PCK_T}@{_FINER:g}": _FINER}
        videos, scored = {}, {}
        for video in self.dataset.videos:
            true = at_scored_size(video.positions, video.size)
            xy = tracks[video.name].xy.transpose(1, 0, 2)
            predicted = at_scored_size(xy, self.frame_size(video))
            areas = scored_areas(video)
            videos[video.name] = {
                name: score_pck_t(predicted, true, video.visible, areas, factor)
                for name, factor in factors.items()
            }
            scored[video.name] = int(video.visible[1:].sum())
        overall = {name: _mean([v[name] for v in videos.values()]) for name in factors}
        return PointScores(overall, videos, {"scored": scored})


def scored_areas(video: AnimalVideo) -> NDArray[np.float64]:
    """Return the foreground's area (T,) at the scored size; 0 in frames without annotation."""
    areas = np.zeros(video.frame_count)
    for t, path in video.masks.items():
        areas[t] = scored_area(read_foreground(path))
    return areas


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
