"""JHMDB: joints of people from the first frame on, scored by PCK.

Protocol of A. Jabri et al. 2020, "Space-Time Correspondence as a Contrastive Random Walk" (arXiv
2006.14613).

Shape letters: T frames, Q queries (joints).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.points.protocol import PointProtocol, PointScores
from benchmarks.reporting.published_figures import PublishedTable
from benchmarks.reporting.published_points import JHMDB
from vos.datasets.points.point_video import PointVideo
from vos.evaluation.points.pck import ALPHAS, VARIANTS, JointTracks, PckScore, score_pck
from vos.tracking.tracks import Tracks


class JhmdbProtocol(PointProtocol):
    """All joints of the first frame, those outside of it too, followed to the end."""

    benchmark = "jhmdb"
    full_set = 268

    @property
    def published(self) -> PublishedTable:
        """The rows to set beside a run's."""
        return JHMDB

    @property
    def rules(self) -> dict[str, Any]:
        """How scores are counted."""
        return {"pck": "label-propagation", **asdict(VARIANTS["label-propagation"])}

    def queries(self, video: PointVideo) -> NDArray[np.float64]:
        """Return the joints of the first frame (Q, 3)."""
        return np.insert(video.positions[0], 0, 0, axis=1)

    def truth(self, video: PointVideo) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the joints (Q, T, 2), and whether they lie inside of the frame (Q, T)."""
        return video.positions.transpose(1, 0, 2), video.visible.T

    def score(self, tracks: Mapping[str, Tracks]) -> PointScores:
        """Score by every named variant of PCK; the published program's is the headline."""
        joints = {
            video.name: JointTracks(video.positions, _positions(tracks[video.name]), video.size)
            for video in self.dataset.videos
        }
        scores = {name: score_pck(list(joints.values()), ALPHAS, v) for name, v in VARIANTS.items()}
        main = scores["label-propagation"]
        by_joint = {
            name: {"PCK": dict(zip(map(_column, ALPHAS), values.tolist(), strict=True)),
                   "scored": int(count)}
            for name, values, count in zip(
                self.dataset.point_names, main.per_joint.T, main.scored, strict=True
            )
        }  # fmt: skip
        details = {
            "variants": {name: _figures(score) for name, score in scores.items()},
            "joints": by_joint,
        }
        videos = {name: _figures(score_pck([joint])) for name, joint in joints.items()}
        return PointScores(_figures(main), videos, details)


def _positions(tracks: Tracks) -> NDArray[np.float64]:
    """Return positions (T, Q, 2), NaN where a joint's labels are lost: it does not count then.

    The published program has no position there, whatever a tracker puts in its place.
    """
    lost = tracks.confidence == 0
    return np.where(lost[..., None], np.nan, tracks.xy).transpose(1, 0, 2)


def _column(alpha: float) -> str:
    return f"PCK@{alpha:g}"


def _figures(score: PckScore) -> dict[str, float]:
    return dict(zip(map(_column, score.alphas), score.mean.tolist(), strict=True))
