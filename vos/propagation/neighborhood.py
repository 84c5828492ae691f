"""Which patches of a context frame a patch may look at, and how frames are tiled for it.

The target frame is cut into tiles. A tile meets, in each context frame, the window of source
patches that any of its patches can see, as far as it lies inside the frame. Windows overlap; a
context frame is stored as overlapping bands of columns, so that every window is a plain view of
its band.

Shapes: D width, h w patches, p patches of a tile, q places of a window, X tiles from left to
right, Y from top to bottom.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vos.propagation.config import Shape

LaidOut = Sequence[Tensor]
"""A frame's features as `Neighborhood.lay_out` stores them."""


_TILE_ROWS = 6
"""At most; tiles of a few patches compute little in vain and still make good matrix products."""


_LARGE_FRAME = 1 << 15
"""Patches from which on a context frame's memory counts more than time."""


_bias_lock = threading.Lock()
"""Held while a bias is computed, once for all threads; no instance's own, so that one can be
copied and pickled."""


@dataclass(frozen=True)
class Neighborhood:
    """The places of a frame that a patch may take its label from, and their tiling.

    Attributes:
        height: h.
        width: w.
        radius: largest distance in patches, perhaps a fraction; 0 means no limit.
        shape: `square` (each axis by itself) or `circle` (Euclidean).
        open: whether places that lie just at the radius are left out.
    """

    height: int
    width: int
    radius: float
    shape: Shape = "square"
    open: bool = field(default=False, kw_only=True)
    # A memo of `bias` and `_tops`: what is in it follows from the fields and is never changed.
    _biases: dict[tuple[object, ...], Tensor] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def grid(self) -> tuple[int, int]:
        """h and w."""
        return self.height, self.width

    @property
    def unlimited(self) -> bool:
        """Whether every patch sees every other."""
        farthest = max(self.height, self.width) - 1
        return self.radius == 0 or (self.shape == "square" and self._near(farthest, self.radius))

    @property
    def reach(self) -> int:
        """The most patches to a side that the radius holds."""
        return int(self.radius)

    @property
    def tile(self) -> tuple[int, int]:
        """Rows and columns of a tile of target patches."""
        rows = _share(self.height, _TILE_ROWS)
        if self.unlimited:
            return rows, self.width
        # Narrow tiles compute less, wide ones store less: a context frame's columns are kept
        # (columns + 2 radius) / columns times, 3 times, and 2 times where it is large.
        large = self.height * self.width > _LARGE_FRAME
        widest = 2 * self.reach if large else self.reach
        return rows, _share(self.width, max(_TILE_ROWS, widest))

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles there are: Y from top to bottom, X from left to right."""
        rows, columns = self.tile
        return -(-self.height // rows), -(-self.width // columns)

    def window(self, tile: int, axis: int) -> slice:
        """Rows (axis 0) or columns (axis 1) of the frame that the tile of that number sees."""
        side = self.grid[axis]
        if self.unlimited:
            return slice(0, side)
        first = tile * self.tile[axis]
        last = first + self.tile[axis] + self.reach
        return slice(max(0, first - self.reach), min(side, last))

    @property
    def largest_window(self) -> int:
        """The most places q that a tile sees."""
        sides = (max(self._form(i, axis)[1] for i in range(self.tiles[axis])) for axis in (0, 1))
        return math.prod(sides)

    def lay_out(self, features: Tensor) -> LaidOut:
        """Store a context frame's features so that every window is a view.

        Args:
            features: (h, w, D).

        Returns:
            For each column of tiles the band of columns that it sees, (h, columns, D).
        """
        return [
            features[:, self.window(x, 1)].clone(memory_format=torch.contiguous_format)
            for x in range(self.tiles[1])
        ]

    def gather(self, bands: LaidOut) -> Tensor:
        """Undo `lay_out`: bands -> (h, w, D)."""
        columns = self.tile[1]
        own = []
        for x, band in enumerate(bands):
            first = x * columns - self.window(x, 1).start
            own.append(band[:, first : first + columns])
        return torch.cat(own, dim=1)

    def cut(self, features: Tensor) -> Tensor:
        """Cut a target frame into tiles: (h, w, D) -> (X, Y, p, D), padded with zeros."""
        (rows, columns), (down, across) = self.tile, self.tiles
        padded = F.pad(
            features, (0, 0, 0, across * columns - self.width, 0, down * rows - self.height)
        )
        tiles = padded.view(down, rows, across, columns, -1)  # (Y, rows, X, columns, D)
        tiles = tiles.permute(2, 0, 1, 3, 4)  # (X, Y, rows, columns, D)
        return tiles.reshape(across, down, rows * columns, -1)  # (X, Y, p, D)

    def join(self, tiles: Tensor) -> Tensor:
        """Undo `cut` for values of tiles: (X, Y, p, n) -> (h * w, n)."""
        rows, columns = self.tile
        across, down, _, n = tiles.shape
        grid = tiles.view(across, down, rows, columns, n)  # (X, Y, rows, columns, n)
        grid = grid.permute(1, 2, 0, 3, 4)  # (Y, rows, X, columns, n)
        grid = grid.reshape(down * rows, across * columns, n)  # h and w rounded up to tiles
        return grid[: self.height, : self.width].reshape(-1, n)  # (h * w, n)

    def windows(self, band: Tensor, rows: slice) -> Tensor:
        """View the windows of some tile rows of a band: (tile rows, q, D), no copy.

        Their windows have to be of one height, as those of `alike` are.
        """
        window = self.window(rows.start, 0)
        _, columns, width = band.shape
        count = rows.stop - rows.start
        places = (window.stop - window.start) * columns
        step = 0 if self.unlimited else self.tile[0] * columns * width
        offset = band.storage_offset() + window.start * columns * width
        # One window is given a contiguous tensor's strides: other ones make PyTorch copy it.
        stride = step if count > 1 else places * width
        return band.as_strided((count, places, width), (stride, width, 1), offset)

    def alike(self, part: slice, most: int) -> Iterator[slice]:
        """Cut a range of tile rows into runs, at most so long, whose windows are of one form."""
        start = part.start
        for row in range(part.start + 1, part.stop + 1):
            full = row - start == most
            if row == part.stop or full or self._form(row, 0) != self._form(start, 0):
                yield slice(start, row)
                start = row

    def bias(self, column: int, row: int, like: Tensor, visible: float) -> Tensor:
        """Return what is added to the similarities of a tile, (1, p, q).

        `visible` where a patch may see a place, minus infinity where it is too far away. Tiles
        whose windows are cut by the frame in the same way share theirs.
        """
        down, across = self._form(row, 0), self._form(column, 1)
        key = (*down, *across, visible, like.dtype, like.device)
        bias = self._biases.get(key)
        if bias is None:
            with _bias_lock:
                bias = self._biases.get(key)  # another thread may have been faster
                if bias is None:
                    allowed = self._within(down, across).to(like.device)
                    bias = like.new_full(allowed.shape, -torch.inf).masked_fill_(allowed, visible)
                    self._biases[key] = bias
        return bias

    def source_index(self, column: int, places: Tensor) -> Tensor:
        """Turn places of windows into patches of the frame.

        Args:
            column: which tile column.
            places: (Y, p, n) int64, positions 0..q-1 in the tile's window.

        Returns:
            (Y, p, n) int64, row * w + column.
        """
        window = self.window(column, 1)
        wide = window.stop - window.start
        y = self._tops(places.device) + places // wide
        return y * self.width + window.start + places % wide

    def _tops(self, device: torch.device) -> Tensor:
        """First rows of the windows of all rows of tiles, (Y, 1, 1) int64; copied once."""
        tops = self._biases.get(("tops", device))
        if tops is None:
            rows = [self.window(row, 0).start for row in range(self.tiles[0])]
            tops = torch.tensor(rows, device=device).view(-1, 1, 1)  # (Y,) -> (Y, 1, 1)
            self._biases["tops", device] = tops
        return tops

    def _form(self, tile: int, axis: int) -> tuple[int, int]:
        """Where a tile's window begins, counted from the tile, and how long it is."""
        window = self.window(tile, axis)
        begins = 0 if self.unlimited else window.start - tile * self.tile[axis]
        return begins, window.stop - window.start

    def _within(self, down: tuple[int, int], across: tuple[int, int]) -> Tensor:
        """Which places of a window of some form each patch of a tile sees, (1, p, q)."""
        (rows, columns), (top, high), (left, wide) = self.tile, down, across
        if self.unlimited:
            return torch.ones(1, rows * columns, high * wide, dtype=torch.bool)
        dy = top + torch.arange(high) - torch.arange(rows).unsqueeze(1)
        dx = left + torch.arange(wide) - torch.arange(columns).unsqueeze(1)
        dy = dy.view(rows, 1, high, 1)  # patch rows and columns, window rows and columns
        dx = dx.view(1, columns, 1, wide)
        if self.shape == "circle":
            near = self._near(dy**2 + dx**2, self.radius**2)
        else:
            near = self._near(dy.abs(), self.radius) & self._near(dx.abs(), self.radius)
        return near.view(1, rows * columns, high * wide)  # (1, p, q)

    def _near(self, distance: Any, limit: float) -> Any:
        """Say whether distances are within a limit, or below it where the radius is open."""
        return distance < limit if self.open else distance <= limit


def _share(side: int, most: int) -> int:
    """Length of equal parts of a side, none longer than `most`, the last perhaps shorter."""
    parts = -(-side // most)
    return -(-side // parts)
