"""Local top-k affinity between patches of frames, and the propagation of labels along it.

Protocol of DAVIS 2017 with frozen features (Caron et al. 2021, section 4.2.1): cosine similarity
over a temperature, only between places at most a radius apart, the k largest over all context
frames kept and divided by their sum.

No matrix of all pairs is ever built: similarities are batched matrix products of tiles of target
patches with their windows of source patches (`vos.propagation.neighborhood`), and of each block
only the largest are kept. Memory grows with the window, not with the square of the frame.

Shapes: D width, h w patches, P = h * w, K context frames, k neighbours, C label channels,
p patches of a tile, q places of a window, X tiles from left to right, Y from top to bottom.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vos.propagation.neighborhood import LaidOut, Neighborhood
from vos.runtime.threads import map_threads

_GPU_BLOCK = 1 << 26
"""Similarities held at once where launches cost most; a CPU holds one tile's, in its cache."""


Item = TypeVar("Item")
Value = TypeVar("Value")


class ContextGroup(NamedTuple):
    """Context frames that a patch looks at in one neighborhood."""

    features: Sequence[LaidOut]
    """K frames of features of unit length, as `Neighborhood.lay_out` stores them."""
    labels: Sequence[Tensor]
    """K tensors (P, C) float32."""
    neighborhood: Neighborhood
    """Which places a patch may look at."""


class TopK(NamedTuple):
    """The strongest neighbours of every target patch."""

    similarity: Tensor
    """(P, n) float32 cosines in falling order; minus infinity where there are fewer."""
    indices: Tensor
    """(P, n) int64 into the K * P patches of the context frames."""


def local_topk(
    target: Tensor, context: Sequence[LaidOut], neighborhood: Neighborhood, n: int
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
    parts = _parts(tiles)

    def search(part: tuple[int, slice]) -> tuple[Tensor, Tensor]:
        x, rows = part
        bands = [frame[x] for frame in context]
        blocks = _similarity_blocks(tiles[x], bands, neighborhood, x, rows)
        largest = [_select(block, n, patches) for _, block in blocks]
        return torch.cat([v for v, _ in largest]), torch.cat([c for _, c in largest])

    largest = _map(tiles, search, parts)
    shape = (*tiles.shape[:3], n)
    values = torch.cat([v for v, _ in largest]).view(shape)  # (X * Y, p, n) -> (X, Y, p, n)
    values = values.float() + _origin(tiles)
    codes = torch.cat([c for _, c in largest]).view(shape)  # (X, Y, p, n)
    source = [neighborhood.source_index(x, code % patches) for x, code in enumerate(codes)]
    indices = codes // patches * patches + torch.stack(source)
    return TopK(neighborhood.join(values), neighborhood.join(indices))


def _parts(tiles: Tensor) -> list[tuple[int, slice]]:
    """Cut the work into columns of tiles; on a CPU into halves, to share it out evenly."""
    across, down = tiles.shape[:2]
    middle = -(-down // 2)
    halves = tiles.device.type == "cpu" and down > 1
    rows = [slice(0, middle), slice(middle, down)] if halves else [slice(0, down)]
    return [(x, part) for x in range(across) for part in rows]


def _select(block: Tensor, n: int, patches: int) -> tuple[Tensor, Tensor]:
    """Pick the n largest of a block (K, rows, p, q): values and codes k * P + place, (rows, p, n).

    The n places whose largest value over the context frames is largest hold the n largest values:
    every other place's values are below at least n of them. So the expensive selection runs over
    q numbers, not over K * q.
    """
    frames, _, _, places = block.shape
    _, best_places = block.amax(0).topk(min(n, places))  # (rows, p, n)
    candidates = block.gather(3, best_places.expand(frames, *best_places.shape))  # (K, rows, p, n)
    candidates = candidates.permute(1, 2, 3, 0).flatten(2)  # (rows, p, n * K)
    if candidates.shape[-1] < n:  # a frame smaller than n patches
        candidates = F.pad(candidates, (0, n - candidates.shape[-1]), value=-torch.inf)
    values, chosen = candidates.topk(n)
    rank = (chosen // frames).clamp(max=best_places.shape[-1] - 1)
    return values, chosen % frames * patches + best_places.gather(2, rank)


def _similarity_blocks(
    tiles: Tensor,
    bands: Sequence[Tensor],
    neighborhood: Neighborhood,
    column: int,
    part: slice,
) -> Iterator[tuple[slice, Tensor]]:
    """Give the similarities of a part of a column of tiles, some tile rows at a time.

    Yields:
        Which tile rows, and (K, rows, p, q) similarities, overwritten by the next.
    """
    largest = len(bands) * tiles.shape[1] * neighborhood.largest_window
    storage = tiles.new_empty(0)
    for rows in neighborhood.alike(part, _rows_at_once(tiles.device, largest)):
        windows = [neighborhood.windows(band, rows).transpose(1, 2) for band in bands]
        shape = (len(bands), rows.stop - rows.start, tiles.shape[1], windows[0].shape[2])
        if storage.numel() < math.prod(shape):
            storage = tiles.new_empty(math.prod(shape))
        block = storage[: math.prod(shape)].view(shape)  # (K, rows, p, q)
        bias = neighborhood.bias(column, rows.start, tiles, -_origin(tiles))
        for similarity, window in zip(block, windows, strict=True):
            torch.baddbmm(bias, tiles[rows], window, out=similarity)
        yield rows, block


def _rows_at_once(device: torch.device, similarities: int) -> int:
    """How many tiles of so many similarities each are compared in one product."""
    return 1 if device.type == "cpu" else max(1, _GPU_BLOCK // similarities)


def _map(tiles: Tensor, function: Callable[[Item], Value], items: Iterable[Item]) -> list[Value]:
    """Apply a function to parts of the tiles: in threads on a CPU, in order elsewhere."""
    if tiles.device.type == "cpu":
        return map_threads(function, items)
    return [function(item) for item in items]


def _origin(features: Tensor) -> float:
    """Where similarities are counted from: 0 in float32, 1 (the largest cosine) otherwise.

    A 16-bit product of near patches is then a small number, which 16 bits hold finely.
    """
    return 0.0 if features.dtype == torch.float32 else 1.0


def propagate_labels(
    target: Tensor,
    context: Sequence[LaidOut],
    labels: Sequence[Tensor],
    neighborhood: Neighborhood,
    *,
    topk: int,
    temperature: float,
    keep_ties: bool = True,
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
        keep_ties: whether ties stay in float32.

    Returns:
        (P, C) float32.
    """
    group = ContextGroup(context, labels, neighborhood)
    return propagate_from_groups(
        target, [group], topk=topk, temperature=temperature, keep_ties=keep_ties
    )


def propagate_from_groups(
    target: Tensor,
    groups: Sequence[ContextGroup],
    *,
    topk: int,
    temperature: float,
    keep_ties: bool = True,
) -> Tensor:
    """Do as `propagate_labels`, from frames some of which have a neighborhood of their own.

    The k strongest are those of all groups together.
    """
    exact = keep_ties and target.dtype == torch.float32
    similarity, indices = _topk_of_groups(target, groups, topk + exact)
    weights = torch.softmax(similarity[:, :topk] / temperature, dim=1)
    labels = torch.cat([frame for group in groups for frame in group.labels])
    out = _weighted_sums(labels, indices[:, :topk], weights)
    if exact:
        threshold = similarity[:, topk - 1]
        tied = (threshold == similarity[:, topk]) & threshold.isfinite()
        if tied.any():
            bounds = similarity[:, [0, topk - 1]]
            with_ties = _labels_with_ties(
                target, groups, temperature=temperature, bounds=bounds, tied=tied
            )
            out = torch.where(tied.unsqueeze(1), with_ties, out)
    return out


def _has_bags(device: torch.device) -> bool:
    """Whether `embedding_bag` runs there: older PyTorch has no kernel of it for Apple's GPUs."""
    return device.type != "mps"


def _weighted_sums(labels: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """Add up rows of labels (N, C), chosen and weighted by (P, k) each: (P, C)."""
    if not _has_bags(labels.device):
        return (labels[indices] * weights.unsqueeze(-1)).sum(1)
    return F.embedding_bag(indices, labels, per_sample_weights=weights, mode="sum")


def _topk_of_groups(target: Tensor, groups: Sequence[ContextGroup], n: int) -> TopK:
    """Find the n most similar patches of all groups; indices count through their frames."""
    tops = [local_topk(target, group.features, group.neighborhood, n) for group in groups]
    if len(tops) == 1:
        return tops[0]
    patches = target.shape[0] * target.shape[1]
    starts = accumulate((len(group.features) * patches for group in groups[:-1]), initial=0)
    similarity = torch.cat([top.similarity for top in tops], dim=1)  # (P, groups * n)
    indices = torch.cat([top.indices + s for top, s in zip(tops, starts, strict=True)], dim=1)
    largest, places = similarity.topk(n, dim=1)
    return TopK(largest, indices.gather(1, places))


def _labels_with_ties(
    target: Tensor,
    groups: Sequence[ContextGroup],
    *,
    temperature: float,
    bounds: Tensor,
    tied: Tensor,
) -> Tensor:
    """Propagate with every place from the k-th similarity up, where a column of tiles has ties.

    Args:
        bounds: (P, 2), the largest and the k-th similarity.
        tied: (P,) bool, which patches matter.

    The rest is as in `propagate_from_groups`.
    """
    first, *others = (
        _sums_with_ties(target, group, temperature=temperature, bounds=bounds, tied=tied)
        for group in groups
    )
    for sums in others:
        first = first + sums
    return first[:, :-1] / first[:, -1:]


def _sums_with_ties(
    target: Tensor, group: ContextGroup, *, temperature: float, bounds: Tensor, tied: Tensor
) -> Tensor:
    """Add up weighted labels and, last, the weights of a group: (P, C + 1)."""
    context, labels, neighborhood = group
    tiles = neighborhood.cut(target)
    limits = neighborhood.cut(bounds.view(*neighborhood.grid, 2))  # (P, 2) -> (h, w, 2)
    maps = [
        neighborhood.lay_out(frame.view(*neighborhood.grid, -1))  # (P, C) -> (h, w, C)
        for frame in labels
    ]
    out = torch.zeros(*tiles.shape[:3], labels[0].shape[1] + 1, device=target.device)

    def column(x: int) -> None:
        bands = [frame[x] for frame in context]
        all_rows = slice(0, tiles.shape[1])
        for rows, block in _similarity_blocks(tiles[x], bands, neighborhood, x, all_rows):
            top, threshold = limits[x, rows, :, :1], limits[x, rows, :, 1:]
            for similarity, band in zip(block, (m[x] for m in maps), strict=True):
                weights = ((similarity - top) / temperature).exp()
                weights = weights.masked_fill_(similarity < threshold, 0)
                out[x, rows, :, :-1] += torch.bmm(weights, neighborhood.windows(band, rows))
                out[x, rows, :, -1:] += weights.sum(-1, keepdim=True)

    tied_tiles = neighborhood.cut(tied.view(*neighborhood.grid, 1))  # (P,) -> (h, w, 1)
    affected = tied_tiles.flatten(1).any(1)  # (X,)
    _map(tiles, column, affected.nonzero().flatten().tolist())
    return neighborhood.join(out)
