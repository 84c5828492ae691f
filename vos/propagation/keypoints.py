"""Points to label channels, and label channels to points.

Each point has a channel of its own, made and read without regard to the others, so that what comes
of one does not depend on which others are followed. Positions in cells count patches: whole
numbers are cells. Frames, networks and cells have their own pixels; `PointGeometry` leads from one
to the other.

Shapes: N points, h w cells, P = h * w.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vos.propagation.config import PointConfig
from vos.runtime.devices import as_float64

_TAIL_SIGMAS = 4.0
"""Gaussians end at so many deviations, where they are below 0.0004."""


@dataclass(frozen=True)
class PointGeometry:
    """Where a frame's pixels lie on the grid of cells.

    Attributes:
        frame: H and W of the frame.
        grid: h and w.
        stride: pixels of the network's input a cell.
        centers: whole numbers are the centers of pixels and cells, so that the frame's left edge
            is -0.5 of both. If not, cell c begins at the network's pixel c * stride, and pixels
            are scaled by the widths' ratio: what published code does.
    """

    frame: tuple[int, int]
    grid: tuple[int, int]
    stride: int
    centers: bool = True

    def cells(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn positions (N, 2) in the frame's pixels into cells, x before y."""
        frame, network = self._sizes()
        half = 0.5 if self.centers else 0.0
        return (np.asarray(xy, np.float64) + half) * network / frame / self.stride - half

    def pixels(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn positions (N, 2) in cells into the frame's pixels."""
        frame, network = self._sizes()
        half = 0.5 if self.centers else 0.0
        return (np.asarray(cells, np.float64) + half) * self.stride * frame / network - half

    def cells_of_network(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn positions (N, 2) in pixels of the network's input into cells."""
        half = 0.5 if self.centers else 0.0
        return (xy + half) / self.stride - half

    def _sizes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        frame = np.array(self.frame[::-1], np.float64)
        return frame, np.array(self.grid[::-1], np.float64) * self.stride


def point_labels(
    cells: NDArray[np.float64], grid: tuple[int, int], config: PointConfig, *, centers: bool = True
) -> Tensor:
    """Make a channel of labels for each point.

    Args:
        cells: (N, 2), x and y in cells; a point outside of the grid has what reaches into it.
        grid: h and w.
        config: `labels` and `sigma`.
        centers: whether whole numbers are the centers of cells, for `cell`.

    Returns:
        (P, N) float32 of 0 to 1.
    """
    if config.labels == "gaussian":
        profile, where = _gaussians, cells
    elif config.labels == "gaussian-rounded":
        profile, where = _rounded_gaussians, cells
    else:
        # The cell that holds the point. Published code cuts positions off, toward zero.
        profile, where = _single_cells, np.floor(cells + 0.5) if centers else np.trunc(cells)
    down = profile(where[:, 1], grid[0], config.sigma)  # (N, h)
    across = profile(where[:, 0], grid[1], config.sigma)  # (N, w)
    labels = down[:, :, None] * across[:, None, :]  # (N, h, w)
    return torch.from_numpy(labels.reshape(len(cells), -1).T.astype(np.float32))  # (P, N)


def _gaussians(centers: NDArray[np.float64], side: int, sigma: float) -> NDArray[np.float64]:
    distance = np.arange(side) - centers[:, None]  # (N, side)
    values = np.exp(-(distance**2) / (2 * sigma**2))
    return np.where(np.abs(distance) <= _TAIL_SIGMAS * sigma, values, 0.0)


def _rounded_gaussians(
    centers: NDArray[np.float64], side: int, sigma: float
) -> NDArray[np.float64]:
    """Gaussians as videowalk draws them: around a cell, in a window that is cut toward zero."""
    reach = 3 * sigma
    first = np.trunc(centers - reach)[:, None]  # (N, 1)
    end = np.trunc(centers + reach + 1)[:, None]
    size = 2 * reach + 1
    places = np.arange(side)[None]  # (1, side)
    distance = places - first - size // 2
    inside = (places >= first) & (places < end) & (places - first < math.ceil(size))
    return np.where(inside, np.exp(-(distance**2) / (2 * sigma**2)), 0.0)


def _single_cells(centers: NDArray[np.float64], side: int, sigma: float) -> NDArray[np.float64]:
    """1 in one cell, whatever the width."""
    del sigma
    return (np.arange(side)[None] == centers[:, None]).astype(np.float64)


def read_points(
    labels: Tensor, grid: tuple[int, int], config: PointConfig, *, stride: int, centers: bool = True
) -> NDArray[np.float64]:
    """Read each channel's position.

    Args:
        labels: (P, N), 0 or more.
        grid: h and w.
        config: `read_back` and its numbers.
        stride: pixels of the network's input a cell, for `pixels`.
        centers: as in `PointGeometry`, for `pixels`.

    Returns:
        (N, 2) x and y in cells; NaN where a channel is 0 everywhere, and where `pixels` meets one
        that is the same everywhere.
    """
    if config.read_back == "pixels":
        geometry = PointGeometry(grid, grid, stride, centers)
        return geometry.cells_of_network(pixel_means(labels, grid, stride))
    if config.read_back == "strongest":
        cells = strongest_means(labels, grid, config.strongest)
    elif config.read_back == "argmax":
        cells = strongest_means(labels, grid, 1)
    else:
        cells = window_means(labels, grid, config.window)
    return cells


def strongest_means(labels: Tensor, grid: tuple[int, int], count: int) -> NDArray[np.float64]:
    """Take the weighted mean of each channel's strongest cells; see `read_points`."""
    values, places = as_float64(labels).topk(min(count, len(labels)), dim=0)  # (count, N)
    weights = values / values.sum(0)
    rows, columns = places // grid[1], places % grid[1]
    return _xy((weights * columns).sum(0), (weights * rows).sum(0))


def window_means(labels: Tensor, grid: tuple[int, int], reach: int) -> NDArray[np.float64]:
    """Take the weighted mean around each channel's strongest cell; see `read_points`."""
    maps = as_float64(labels).T.unflatten(1, grid)  # (N, h, w)
    peaks = maps.flatten(1).argmax(1)  # (N,)
    rows, columns = torch.arange(grid[0]).to(peaks), torch.arange(grid[1]).to(peaks)
    near_rows = (rows - (peaks // grid[1])[:, None]).abs() <= reach  # (N, h)
    near_columns = (columns - (peaks % grid[1])[:, None]).abs() <= reach  # (N, w)
    weights = maps * near_rows[:, :, None] * near_columns[:, None, :]
    total = weights.sum((1, 2))
    x = (weights.sum(1) * columns).sum(1) / total
    y = (weights.sum(2) * rows).sum(1) / total
    return _xy(x, y)


def pixel_means(labels: Tensor, grid: tuple[int, int], stride: int) -> NDArray[np.float64]:
    """Take the mean of all pixels of the network's input, weighted as in the code of PIPs.

    Each channel is brought to the input's size bilinearly and stretched to 0..1: all that is above
    its lowest value has a weight.

    Returns:
        (N, 2) x and y in those pixels; NaN where a channel is the same everywhere.
    """
    size = (grid[0] * stride, grid[1] * stride)
    rows, columns = (as_float64(torch.arange(side, device=labels.device)) for side in size)
    means = []
    for channel in labels.T.unflatten(1, grid):  # (h, w) each
        big = F.interpolate(channel[None, None], size=size, mode="bilinear", align_corners=False)
        # the mean does not depend on the stretching
        weights = as_float64((big - big.min())[0, 0])
        total = weights.sum()
        x = (weights.sum(0) * columns).sum() / total
        y = (weights.sum(1) * rows).sum() / total
        means.append(torch.stack([x, y]))
    return torch.stack(means).cpu().numpy() if means else np.zeros((0, 2))


def _xy(x: Tensor, y: Tensor) -> NDArray[np.float64]:
    return torch.stack([x, y], dim=1).cpu().numpy()
