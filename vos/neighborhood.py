"""Which patches of a context frame a patch may look at, and how frames are tiled for it.

The target frame is cut into tiles. A tile meets, in each context frame, the window of source
patches that any of its patches can see. Windows overlap; a context frame is stored as overlapping
bands of columns, so that every window is a plain strided view of its band.

Shapes: D width, h w patches, p patches of a tile, q places of a window, X tiles from left to
right, Y from top to bottom.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Shape = Literal["square", "circle"]

_TILE_ROWS = 8
_LARGE_FRAME = 1 << 15
"""Patches from which on a context frame's memory counts more than time."""


@dataclass(frozen=True)
class Neighborhood:
    """The places of a frame that a patch may take its label from, and their tiling.

    Attributes:
        height: h.
        width: w.
        radius: largest distance in patches; 0 means no limit.
        shape: `square` (each axis by itself) or `circle` (Euclidean).
    """

    height: int
    width: int
    radius: int
    shape: Shape = "square"
    _biases: dict[tuple[object, ...], Tensor] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def grid(self) -> tuple[int, int]:
        """h and w."""
        return self.height, self.width

    @property
    def unlimited(self) -> bool:
        """Whether every patch sees every other."""
        reach = max(self.height, self.width) - 1
        return self.radius == 0 or (self.shape == "square" and self.radius >= reach)

    @property
    def tile(self) -> tuple[int, int]:
        """Rows and columns of a tile of target patches."""
        if self.unlimited:
            return _TILE_ROWS, self.width
        # Narrow tiles compute less, wide ones store less: a context frame's columns are kept
        # (columns + 2 radius) / columns times, at most 4 times, and 2 times where it is large.
        large = self.height * self.width > _LARGE_FRAME
        widest = 2 * self.radius if large else -(-self.radius * 2 // 3)
        return _TILE_ROWS, max(8, widest // 8 * 8)

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles there are: Y from top to bottom, X from left to right."""
        rows, columns = self.tile
        return -(-self.height // rows), -(-self.width // columns)

    @property
    def window(self) -> tuple[int, int]:
        """Rows and columns of the window of a tile."""
        if self.unlimited:
            return self.height, self.width
        rows, columns = self.tile
        return rows + 2 * self.radius, columns + 2 * self.radius

    def lay_out(self, features: Tensor) -> Tensor:
        """Store a context frame's features so that every window is a view.

        Args:
            features: (h, w, D).

        Returns:
            (X, rows, window columns, D): bands of columns, padded with zeros.
        """
        if self.unlimited:
            return features.contiguous().unsqueeze(0)
        (rows, columns), (down, across) = self.tile, self.tiles
        r = self.radius
        padded = F.pad(
            features,
            (0, 0, r, r + across * columns - self.width, r, r + down * rows - self.height),
        )
        bands = padded.unfold(1, columns + 2 * r, columns)  # (rows, X, D, window columns)
        return bands.permute(1, 0, 3, 2).contiguous()

    def cut(self, features: Tensor) -> Tensor:
        """Cut a target frame into tiles: (h, w, D) -> (X, Y, p, D), padded with zeros."""
        (rows, columns), (down, across) = self.tile, self.tiles
        padded = F.pad(
            features, (0, 0, 0, across * columns - self.width, 0, down * rows - self.height)
        )
        tiles = padded.view(down, rows, across, columns, -1).permute(2, 0, 1, 3, 4)
        return tiles.reshape(across, down, rows * columns, -1)

    def join(self, tiles: Tensor) -> Tensor:
        """Undo `cut` for values of tiles: (X, Y, p, n) -> (h * w, n)."""
        rows, columns = self.tile
        across, down, _, n = tiles.shape
        grid = tiles.view(across, down, rows, columns, n).permute(1, 2, 0, 3, 4)
        grid = grid.reshape(down * rows, across * columns, n)
        return grid[: self.height, : self.width].reshape(-1, n)

    def windows(self, band: Tensor, start: int, stop: int) -> Tensor:
        """View the windows of tile rows start..stop of a band: (tile rows, q, D), no copy."""
        places = self.window[0] * self.window[1]
        width = band.shape[-1]
        step = 0 if self.unlimited else self.tile[0] * self.window[1] * width
        offset = band.storage_offset() + start * step
        # One window is given a contiguous tensor's strides: other ones make PyTorch copy it.
        stride = step if stop - start > 1 else places * width
        return band.as_strided((stop - start, places, width), (stride, width, 1), offset)

    def bias(self, column: int, rows: slice, like: Tensor, visible: float) -> Tensor:
        """Return what is added to the similarities of some tile rows of a column, (rows, p, q).

        `visible` where a patch may see a place, minus infinity where it may not: too far away, or
        outside the frame. Tiles whose windows are cut by the frame in the same way share theirs.
        """
        across = self._clip(column, 1)
        biases = [
            self._shared_bias(self._clip(row, 0), across, like, visible)
            for row in range(rows.start, rows.stop)
        ]
        return biases[0] if len(biases) == 1 else torch.cat(biases)

    def _shared_bias(
        self, down: tuple[int, int], across: tuple[int, int], like: Tensor, visible: float
    ) -> Tensor:
        key = (*down, *across, like.dtype, like.device)
        if key not in self._biases:
            high, wide = self.window
            y, x = torch.arange(high).unsqueeze(1), torch.arange(wide)
            inside = (y >= down[0]) & (y < down[1]) & (x >= across[0]) & (x < across[1])
            allowed = (self._within() & inside.view(1, 1, -1)).to(like.device)
            bias = torch.full(allowed.shape, -torch.inf, dtype=like.dtype, device=like.device)
            self._biases[key] = bias.masked_fill_(allowed, visible)
        return self._biases[key]

    def source_index(self, column: int, places: Tensor) -> Tensor:
        """Turn places of windows into patches of the frame.

        Args:
            column: which tile column.
            places: (Y, p, n) int64, positions 0..q-1 in the tile's window.

        Returns:
            (Y, p, n) int64, row * w + column; places outside the frame are clamped into it.
        """
        if self.unlimited:
            return places
        rows, columns = self.tile
        top = torch.arange(self.tiles[0], device=places.device).view(-1, 1, 1) * rows - self.radius
        y = top + places // self.window[1]
        x = column * columns - self.radius + places % self.window[1]
        return y.clamp(0, self.height - 1) * self.width + x.clamp(0, self.width - 1)

    def _clip(self, tile: int, axis: int) -> tuple[int, int]:
        """Places of a window along an axis (0 down, 1 across) that lie inside the frame."""
        if self.unlimited:
            return 0, self.window[axis]
        first = tile * self.tile[axis] - self.radius
        return max(0, -first), min(self.window[axis], self.grid[axis] - first)

    def _within(self) -> Tensor:
        """Which places of a window each patch of a tile can see by distance, (1, p, q)."""
        (rows, columns), (high, wide) = self.tile, self.window
        if self.unlimited:
            return torch.ones(1, rows * columns, high * wide, dtype=torch.bool)
        dy = torch.arange(high) - self.radius - torch.arange(rows).unsqueeze(1)
        dx = torch.arange(wide) - self.radius - torch.arange(columns).unsqueeze(1)
        dy, dx = dy.view(rows, 1, high, 1), dx.view(1, columns, 1, wide)
        if self.shape == "circle":
            near = dy**2 + dx**2 <= self.radius**2
        else:
            near = (dy.abs() <= self.radius) & (dx.abs() <= self.radius)
        return near.view(1, rows * columns, high * wide)
