"""A frame as a grid of nodes with features, colours and places, joined to their neighbours.

Shapes: H W pixels, D width of the features, h w patches, N nodes, E inputs of the probe.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from vos.interactive.settings import ClickSettings

Floats = NDArray[np.float32]
_NEIGHBOURS = ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.7), (1, -1, 0.7))
"""(rows, columns, weight) of the edges that begin at a node."""
_FLAT = 1e-8
"""Mean square below which features or colours are the same everywhere."""


class FrameNodes:
    """What of a frame does not depend on the prompts; computed once.

    Args:
        image: RGB uint8 (H, W, 3).
        features: (D, h, w) float32 of its patches.
        settings: all numbers.

    Attributes:
        shape: rows and columns of the grid; N is their product.
        values: (N, V) float32, features and colours, whose mean squared distance is 1.
        places: (N, 2) float32 rows and columns, as shares of the shorter side.
        laplacian: (N, N) of the weighted edges, sparse.
    """

    def __init__(self, image: NDArray[np.uint8], features: Floats, settings: ClickSettings) -> None:
        height, width = image.shape[:2]
        self._size = (height, width)
        share = settings.short_nodes / min(height, width)
        self.shape = (max(2, round(height * share)), max(2, round(width * share)))
        components = _principal(features, settings.dims)  # (h, w, V')
        resized = np.stack([self._resized(c) for c in np.moveaxis(components, 2, 0)], axis=-1)
        small = cv2.resize(image, self.shape[::-1], interpolation=cv2.INTER_AREA)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        appearance, colour = _scaled(resized), _scaled(np.asarray(lab, np.float32))  # (N, V')
        share = settings.colour_weight
        self.values = np.concatenate([appearance, colour * share**0.5], axis=1) / (1 + share) ** 0.5
        rows, columns = np.divmod(np.arange(self.shape[0] * self.shape[1]), self.shape[1])
        self.places = np.stack([rows, columns], axis=1).astype(np.float32) / min(self.shape)
        self.laplacian = self._laplacian(appearance, colour, settings)

    def of_pixels(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the node that each pixel lies in, of rows (n,) and columns (n,)."""
        (height, width), (down, across) = self._size, self.shape
        down_places = ((rows + 0.5) * down / height).astype(np.intp)
        return down_places * across + ((columns + 0.5) * across / width).astype(np.intp)

    def shares(self, pixels: NDArray[np.bool_]) -> Floats:
        """Return the share (N,) of each node's pixels that is set in a mask (H, W)."""
        size = self.shape[::-1]
        shares = cv2.resize(pixels.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return np.asarray(shares, np.float32).ravel()

    def _resized(self, channel: Floats) -> Floats:
        return np.asarray(
            cv2.resize(channel, self.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32
        )

    def _laplacian(
        self, appearance: Floats, colour: Floats, settings: ClickSettings
    ) -> sparse.csr_matrix:
        down, across = self.shape
        numbers = np.arange(down * across).reshape(self.shape)
        starts, ends, weights = [], [], []
        for dy, dx, weight in _NEIGHBOURS:
            left, right = max(0, -dx), max(0, dx)
            start = numbers[: down - dy, left : across - right].ravel()
            end = numbers[dy:, right : across - left].ravel()
            exponent = settings.colour_edges * ((colour[start] - colour[end]) ** 2).sum(1)
            exponent += settings.feature_edges * ((appearance[start] - appearance[end]) ** 2).sum(1)
            starts.append(start)
            ends.append(end)
            weights.append(weight * np.exp(-exponent.astype(np.float64)) + settings.least_edge)
        place = (np.concatenate(starts), np.concatenate(ends))
        count = down * across
        half = sparse.coo_matrix((np.concatenate(weights), place), shape=(count, count))
        edges = (half + half.T).tocsr()
        degrees = np.asarray(edges.sum(1)).ravel()
        return (sparse.diags(degrees) - edges).tocsr()


def _principal(features: Floats, dims: int) -> Floats:
    """Return the leading principal components (h, w, V') of features (D, h, w)."""
    width, h, w = features.shape
    flat = features.reshape(width, h * w).T.astype(np.float32)  # (P, D)
    flat = flat - flat.mean(0)
    _, vectors = np.linalg.eigh((flat.T @ flat).astype(np.float64))
    leading = vectors[:, ::-1][:, :dims].astype(np.float32)
    return np.ascontiguousarray((flat @ leading).reshape(h, w, -1))


def _scaled(maps: Floats) -> Floats:
    """Return maps (rows, columns, V) as (N, V), centred, with a mean squared distance of 1."""
    flat = maps.reshape(-1, maps.shape[2])
    flat = flat - flat.mean(0)
    spread = 2 * float((flat**2).sum(1).mean())
    scaled = flat / spread**0.5 if spread > _FLAT else np.zeros_like(flat)
    return np.asarray(scaled, np.float32)
