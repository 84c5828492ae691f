"""Local top-k affinity between patches of frames, and the propagation of labels along it.

Protocol of DAVIS 2017 with frozen features (Caron et al. 2021, section 4.2.1): cosine similarity
over a temperature, only between places at most a radius apart, the k largest over all context
frames kept and divided by their sum.

No matrix of all pairs is ever built: similarities are batched matrix products of tiles of target
patches with their windows of source patches (`vos.neighborhood`), and of each block only the
largest are kept. Memory grows with the window, not with the square of the frame.

Shapes: D width, h w patches, P = h * w, K context frames, k neighbours, C label channels,
p patches of a tile, q places of a window, X tiles from left to right, Y from top to bottom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vos.neighborhood import Neighborhood

_BLOCK = {"cpu": 1 << 20, "cuda": 1 << 26, "mps": 1 << 24}
"""Similarities held at once, by kind of device: caches on a CPU, few launches on a GPU."""


class TopK(NamedTuple):
    """The strongest neighbours of every target patch."""

    similarity: Tensor
    """(P, n) float32 cosines in falling order; minus infinity where there are fewer."""
    indices: Tensor
    """(P, n) int64 into the K * P patches of the context frames."""


def local_topk(
    target: Tensor, context: Sequence[Tensor], neighborhood: Neighborhood, n: int
) -> TopK:
    """Find every target patch's most similar patches in its windows of all context frames.

    Args:
        target: (h, w, D) features of unit length.
        context: K frames of features of unit length, as `Neighborhood.lay_out` stores them.
        neighborhood: which places a patch may look at.
        n: how many to keep.

    Returns:
        The n largest of all context frames together.
    """
    tiles = neighborhood.cut(target)
    patches = neighborhood.height * neighborhood.width
    columns = [
        _column_topk(tiles[x], [bands[x] for bands in context], neighborhood, x, n)
        for x in range(len(tiles))
    ]
    similarity = neighborhood.join(torch.stack([values for values, _, _ in columns]))
    frame = neighborhood.join(torch.stack([frames for _, frames, _ in columns]))
    source = neighborhood.join(torch.stack([sources for _, _, sources in columns]))
    return TopK(similarity, frame * patches + source)


def _column_topk(
    tiles: Tensor, bands: Sequence[Tensor], neighborhood: Neighborhood, column: int, n: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Top n of a column of tiles: similarities, context frames and source patches, (Y, p, n)."""
    places = neighborhood.window[0] * neighborhood.window[1]
    kept = min(n, places)
    found: list[tuple[Tensor, Tensor]] = []
    for rows in _chunks(tiles, places):
        per_frame = [
            block.topk(kept) for block in _blocks(tiles, bands, neighborhood, column, rows)
        ]
        values = torch.cat([v for v, _ in per_frame], dim=-1)
        codes = torch.cat([i + k * places for k, (_, i) in enumerate(per_frame)], dim=-1)
        if values.shape[-1] < n:  # a frame smaller than n patches
            short = n - values.shape[-1]
            values = F.pad(values, (0, short), value=-torch.inf)
            codes = F.pad(codes, (0, short))
        best, at = values.topk(n)
        found.append((best, codes.gather(-1, at)))
    best = torch.cat([values for values, _ in found]).float() + _origin(tiles)
    code = torch.cat([codes for _, codes in found])
    return best, code // places, neighborhood.source_index(column, code % places)


def _blocks(
    tiles: Tensor, bands: Sequence[Tensor], neighborhood: Neighborhood, column: int, rows: slice
) -> Iterator[Tensor]:
    """Similarities of some tile rows of a column to each context frame in turn, (rows, p, q)."""
    bias = neighborhood.bias(column, tiles, -_origin(tiles))[rows]
    for band in bands:
        windows = neighborhood.windows(band, rows.start, rows.stop)
        yield torch.baddbmm(bias, tiles[rows], windows.transpose(1, 2))


def _chunks(tiles: Tensor, places: int) -> Iterator[slice]:
    down, patches, _ = tiles.shape
    step = max(1, _BLOCK.get(tiles.device.type, _BLOCK["cpu"]) // (patches * places))
    for start in range(0, down, step):
        yield slice(start, min(start + step, down))


def _origin(features: Tensor) -> float:
    """Where similarities are counted from: 0 in float32, 1 (the largest cosine) otherwise.

    A 16-bit product of near patches is then a small number, which 16 bits hold finely.
    """
    return 0.0 if features.dtype == torch.float32 else 1.0


def propagate_labels(
    target: Tensor,
    context: Sequence[Tensor],
    labels: Sequence[Tensor],
    neighborhood: Neighborhood,
    *,
    topk: int,
    temperature: float,
) -> Tensor:
    """Give every target patch the weighted sum of its strongest neighbours' labels.

    The weights are exp(cosine / temperature) divided by their sum. In float32, places that tie
    with the k-th stay, as in the published protocol; in 16-bit precision, where most ties are
    made by rounding, exactly k are kept.

    Args:
        target: (h, w, D) features of unit length.
        context: K frames of features of unit length, as `Neighborhood.lay_out` stores them.
        labels: K tensors (P, C) float32.
        neighborhood: which places a patch may look at.
        topk: k.
        temperature: T; smaller is sharper.

    Returns:
        (P, C) float32.
    """
    exact = target.dtype == torch.float32
    found = local_topk(target, context, neighborhood, topk + exact)
    kept = found.similarity[:, :topk]
    weights = torch.softmax(kept / temperature, dim=1)
    out = F.embedding_bag(
        found.indices[:, :topk], torch.cat(list(labels)), per_sample_weights=weights, mode="sum"
    )
    if exact:
        threshold = found.similarity[:, topk - 1]
        tied = (threshold == found.similarity[:, topk]) & threshold.isfinite()
        if tied.any():
            bounds = found.similarity[:, [0, topk - 1]]
            every = _labels_with_ties(
                target,
                context,
                labels,
                neighborhood,
                temperature=temperature,
                bounds=bounds,
                tied=tied,
            )
            out = torch.where(tied.unsqueeze(1), every, out)
    return out


def _labels_with_ties(
    target: Tensor,
    context: Sequence[Tensor],
    labels: Sequence[Tensor],
    neighborhood: Neighborhood,
    *,
    temperature: float,
    bounds: Tensor,
    tied: Tensor,
) -> Tensor:
    """Propagate with every place from the k-th similarity up, where a column of tiles has ties.

    Args:
        bounds: (P, 2), the largest and the k-th similarity.
        tied: (P,) bool, which patches matter.

    The rest is as in `propagate_labels`.
    """
    h, w = neighborhood.height, neighborhood.width
    tiles = neighborhood.cut(target)
    limits = neighborhood.cut(bounds.view(h, w, 2))
    maps = [neighborhood.lay_out(frame.view(h, w, -1)) for frame in labels]
    places = neighborhood.window[0] * neighborhood.window[1]
    out = torch.zeros(*tiles.shape[:3], labels[0].shape[1] + 1, device=target.device)
    affected = neighborhood.cut(tied.view(h, w, 1)).flatten(1).any(1)
    for x in affected.nonzero().flatten().tolist():
        bands = [frame[x] for frame in context]
        for rows in _chunks(tiles[x], places):
            top, threshold = limits[x, rows, :, :1], limits[x, rows, :, 1:]
            for block, band in zip(
                _blocks(tiles[x], bands, neighborhood, x, rows), (m[x] for m in maps), strict=True
            ):
                weights = ((block - top) / temperature).exp().masked_fill_(block < threshold, 0)
                seen = neighborhood.windows(band, rows.start, rows.stop)
                out[x, rows, :, :-1] += torch.bmm(weights, seen)
                out[x, rows, :, -1:] += weights.sum(-1, keepdim=True)
    joined = neighborhood.join(out)
    return joined[:, :-1] / joined[:, -1:]
