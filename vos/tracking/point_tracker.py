"""Follow points through a video: one tracker per video, one verb, `step`.

Points are prompts of another kind for the engine that carries labels: each has a channel, made and
read by `vos.propagation.keypoints`. Points given for one frame share an engine; those of another
frame have another, so that what comes of a point depends on its own frame and position alone.

Shapes: N points, H W pixels of a frame, h w cells, P = h * w, D width, T frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vos.backbones.input_size import check_frame, frame_size
from vos.backbones.loading import BackboneSource, as_backbone
from vos.errors import InputError
from vos.propagation.config import PointConfig, PropagationConfig, check_point_mode
from vos.propagation.context_propagation import ContextPropagation
from vos.propagation.keypoints import PointGeometry, point_labels, read_points
from vos.propagation.memory import ContextState
from vos.propagation.propagator import unit_features
from vos.propagation.snapshot import require_frames


@dataclass(frozen=True)
class PointPositions:
    """Where points are in one frame, in the order in which they were given."""

    xy: NDArray[np.float64]
    """(N, 2) in the frame's pixels; NaN where a point has no position."""
    visible: NDArray[np.bool_]
    """(N,)"""
    confidence: NDArray[np.float64]
    """(N,) 0 to 1: the point's strongest label, as a share of that in its query's frame."""


@dataclass(frozen=True)
class GroupState:
    """What `PointTracker.restore` needs of the points given for one frame."""

    queries: NDArray[np.float64]
    """(N, 2) as they were given."""
    last: NDArray[np.float64]
    """(N, 2) their last positions."""
    context: ContextState

    @property
    def frame(self) -> int:
        """Number of the frame that they were given for."""
        (number,) = self.context.prompted
        return number


@dataclass(frozen=True)
class PointTrackerState:
    """A tracker's state after a step."""

    number: int
    """How many steps were taken before that step."""
    groups: tuple[GroupState, ...]

    @property
    def frames(self) -> tuple[int, ...]:
        """Numbers of the steps whose frames `PointTracker.restore` needs."""
        return tuple(sorted({n for group in self.groups for n in group.context.frames}))


class PointTracker:
    """Track points of one video, frame by frame.

    Time and memory of a step depend on the number of points and of frames that points were given
    for, not on how many frames went before.

    Attributes:
        config: the propagation's numbers.
        points: how points become labels, and labels points.
    """

    def __init__(
        self,
        backbone: BackboneSource,
        config: PropagationConfig | None = None,
        points: PointConfig | None = None,
    ) -> None:
        self.backbone = as_backbone(backbone)
        self.config = config or PropagationConfig()
        check_point_mode(self.config)
        self.points = points or PointConfig()
        self.reset()

    def reset(self) -> None:
        """Forget the video; the next step is the first of another."""
        self._groups: list[_Group] = []
        self._size: tuple[int, int] | None = None
        self._number = -1

    @property
    def count(self) -> int:
        """N, the points given so far."""
        return sum(group.count for group in self._groups)

    @torch.inference_mode()
    def features(self, frames: Sequence[NDArray[np.uint8]]) -> list[Tensor]:
        """Compute the features of frames in one batch; see `LabelPropagator.features`."""
        return unit_features(self.backbone, frames, self.config)

    @torch.inference_mode()
    def step(
        self,
        frame: NDArray[np.uint8],
        queries: NDArray[np.float64] | None = None,
        *,
        features: Tensor | None = None,
    ) -> PointPositions:
        """Take the next frame, and points to follow from it on; return where all points are.

        Args:
            frame: RGB uint8 (H, W, 3).
            queries: (M, 2) x and y of new points, in pixels; they come after those given before.
            features: what `features([frame])` gave, where it was computed ahead.

        Returns:
            N positions; those of new points are as they were given.

        Raises:
            InputError: the frame is not RGB uint8 or has another size than the first; a point is
                no pair of finite numbers.
        """
        check_frame(frame)
        self._size = frame_size(frame, self._size, self._number + 1)
        given = _checked_points(queries)
        self._number += 1
        if features is None and (self._groups or len(given)):
            (features,) = self.features([frame])
        geometry = self._geometry(features)
        parts = []
        for group in self._groups:
            assert features is not None
            parts.append(group.step(self._number, features, geometry))
        if len(given):
            assert features is not None
            group = self._new_group(given, features)
            group.start(self._number)
            self._groups.append(group)
            new = np.ones(len(given))
            parts.append(PointPositions(given, new.astype(bool), new))
        return _joined(parts)

    def state(self) -> PointTrackerState:
        """Return the state after the last step, from which `restore` goes on alike."""
        return PointTrackerState(self._number, tuple(group.state() for group in self._groups))

    @torch.inference_mode()
    def restore(self, state: PointTrackerState, frames: Mapping[int, NDArray[np.uint8]]) -> None:
        """Go on from a state, as if all steps up to it had just been taken.

        Args:
            state: what `state` returned, of the same video, backbone and configurations.
            frames: RGB uint8 (H, W, 3) of at least the steps that `state.frames` lists.

        Raises:
            InputError: a frame is missing.
        """
        require_frames("the state", state.frames, frames)
        self.reset()
        features: dict[int, Tensor] = {}
        for number in state.frames:
            self._size = frame_size(frames[number], self._size, number)
            (features[number],) = self.features([frames[number]])
        for group in state.groups:
            query = features[group.frame]
            again = self._new_group(group.queries, query)
            again.restore(group, features.__getitem__)
            self._groups.append(again)
        self._number = state.number

    def _new_group(self, xy: NDArray[np.float64], features: Tensor) -> _Group:
        share = self._groups[-1].engine if self._groups else None
        engine = ContextPropagation(self.config, shared_with=share)
        return _Group(engine, self.points, xy, features, self._geometry(features))

    def _geometry(self, features: Tensor | None) -> PointGeometry:
        assert self._size is not None
        grid = (1, 1) if features is None else (features.shape[0], features.shape[1])
        return PointGeometry(self._size, grid, self.backbone.stride, self.points.centers)


class _Group:
    """Points given for one frame, with an engine of their own."""

    def __init__(
        self,
        engine: ContextPropagation,
        config: PointConfig,
        xy: NDArray[np.float64],
        features: Tensor,
        geometry: PointGeometry,
    ) -> None:
        self.engine = engine
        self.count = len(xy)
        self._config = config
        self._queries = xy
        self._query_features = features
        self._query_cells = geometry.cells(xy)
        self._last = xy
        labels = point_labels(
            self._query_cells, geometry.grid, config, centers=geometry.centers
        ).to(features.device)
        self._peaks = labels.amax(0)  # (N,)
        # The engine's first channel is the background, of which points have no need.
        self._labels = torch.cat([torch.zeros_like(labels[:, :1]), labels], dim=1)

    def start(self, number: int) -> None:
        """Give the engine the query's frame."""
        channels = range(1, 1 + self.count)
        self.engine.remember_prompt(number, self._query_features, self._labels, channels)

    def state(self) -> GroupState:
        """Return what `restore` needs; labels are shared, not copied."""
        return GroupState(self._queries, self._last, self.engine.state())

    def restore(self, state: GroupState, features: Callable[[int], Tensor]) -> None:
        """Become what the state was taken of."""
        self._last = state.last
        self.engine.restore(state.context, features)

    def step(self, number: int, features: Tensor, geometry: PointGeometry) -> PointPositions:
        """Carry the labels on to a frame, and read them."""
        labels = self.engine.propagate(features)
        assert labels is not None  # there are points
        self.engine.remember(number, features, labels)
        maps = labels[:, 1:]  # (P, N)
        peaks = maps.amax(0)
        cells = read_points(
            maps,
            geometry.grid,
            self._config,
            stride=geometry.stride,
            centers=geometry.centers,
        )
        xy = geometry.pixels(cells)
        empty = (peaks == 0).cpu().numpy()
        if self._config.when_empty == "last":
            xy = np.where(empty[:, None], self._last, xy)
            self._last = xy
        visible = ~empty & np.isfinite(xy).all(1)
        if self._config.round_trip:
            visible &= self._returns(features, np.where(visible[:, None], cells, 0.0))
        share = torch.where(self._peaks > 0, peaks / self._peaks, 0).clamp(max=1)
        return PointPositions(xy, visible, share.cpu().double().numpy())

    def _returns(self, features: Tensor, cells: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which points find back: whose patch is most like one near the query, in its frame."""
        own = _sampled(features, cells)  # (N, D)
        query = self._query_features
        best = (own @ query.flatten(0, 1).float().T).argmax(1).cpu().numpy()  # (N,)
        width = query.shape[1]
        matched = np.stack([best % width, best // width], axis=1)
        distance = np.linalg.norm(matched - self._query_cells, axis=1)
        return distance <= self._config.round_trip


def _sampled(features: Tensor, cells: NDArray[np.float64]) -> Tensor:
    """Take features (h, w, D) at positions (N, 2) in cells, bilinearly: (N, D) float32."""
    height, width = features.shape[:2]
    size = torch.tensor([width, height], dtype=torch.float32)
    places = (2 * torch.from_numpy(cells).float() + 1) / size - 1  # edges are at -1 and 1
    sampled = F.grid_sample(
        features.permute(2, 0, 1)[None].float(),  # (1, D, h, w)
        places[None, None].to(features.device),  # (1, 1, N, 2)
        padding_mode="border",
        align_corners=False,
    )
    return F.normalize(sampled[0, :, 0].T, dim=1)  # (1, D, 1, N) -> (N, D)


def _joined(parts: Sequence[PointPositions]) -> PointPositions:
    if not parts:
        return PointPositions(np.zeros((0, 2)), np.zeros(0, bool), np.zeros(0))
    return PointPositions(
        np.concatenate([part.xy for part in parts]),
        np.concatenate([part.visible for part in parts]),
        np.concatenate([part.confidence for part in parts]),
    )


def _checked_points(queries: NDArray[np.float64] | None) -> NDArray[np.float64]:
    given = np.zeros((0, 2)) if queries is None else np.array(queries, np.float64)
    if given.ndim != 2 or given.shape[1] != 2:
        raise InputError(f"points have shape {given.shape}; expected a row of x and y for each")
    if not np.isfinite(given).all():
        raise InputError("a point's x or y is no finite number; leave such points out")
    return given
