"""Local top-k propagation against the whole affinity matrix, computed plainly in float64."""

import pytest
import torch
import torch.nn.functional as F

from vos.propagation import affinity
from vos.propagation.affinity import (
    ContextGroup,
    local_topk,
    propagate_from_groups,
    propagate_labels,
)
from vos.propagation.neighborhood import Neighborhood

# height, width, radius, shape, k, frames
GRIDS = [
    (6, 9, 0, "square", 5, 3),
    (6, 9, 0, "circle", 4, 1),
    (9, 13, 2, "square", 5, 3),
    (9, 13, 3, "circle", 5, 2),
    (17, 11, 1, "square", 3, 4),
    (17, 30, 12, "square", 5, 2),
    (30, 17, 12, "circle", 7, 2),
    (5, 7, 40, "square", 5, 2),
    (5, 7, 40, "circle", 5, 2),
    (7, 25, 6, "square", 5, 2),
    (1, 1, 0, "square", 1, 2),
    (1, 1, 3, "circle", 5, 1),
    (1, 20, 4, "square", 5, 2),
    (20, 1, 4, "circle", 5, 2),
    (4, 4, 1, "square", 50, 2),
    (3, 3, 0, "square", 20, 1),
]


def visible(height, width, radius, shape):
    """(P, P) bool: which patches each patch may look at, straight from the definition."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    dy = y.reshape(-1, 1) - y.reshape(1, -1)
    dx = x.reshape(-1, 1) - x.reshape(1, -1)
    if radius == 0:
        return torch.ones(height * width, height * width, dtype=torch.bool)
    if shape == "circle":
        return dy**2 + dx**2 <= radius**2
    return (dy.abs() <= radius) & (dx.abs() <= radius)


def plain(target, context, labels, near, k):
    """The published protocol by one dense matrix in float64; ties at the k-th value all stay."""
    flat = target.double().flatten(0, 1)
    cosine = torch.cat([flat @ frame.double().flatten(0, 1).T for frame in context], dim=1)
    if near.shape[1] == near.shape[0]:  # of one frame, the same of all
        near = near.repeat(1, len(context))
    cosine = cosine.masked_fill(~near, -torch.inf)
    threshold = cosine.topk(min(k, cosine.shape[1]), dim=1).values[:, -1:]
    weights = (cosine / 0.1).exp().masked_fill(cosine < threshold, 0)
    return (weights / weights.sum(1, keepdim=True)) @ torch.cat(labels).double()


def unit(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=generator), dim=-1)


def soft(patches, channels, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(patches, channels, generator=generator)


@pytest.mark.parametrize("case", GRIDS, ids=lambda case: "-".join(map(str, case)))
def test_propagation_equals_the_dense_matrix(case):
    height, width, radius, shape, k, frames = case
    grid = Neighborhood(height, width, radius, shape)
    target = unit(height, width, 16, seed=0)
    context = [unit(height, width, 16, seed=1 + i) for i in range(frames)]
    labels = [soft(height * width, 4, seed=50 + i) for i in range(frames)]
    found = propagate_labels(
        target, [grid.lay_out(f) for f in context], labels, grid, topk=k, temperature=0.1
    )
    want = plain(target, context, labels, visible(height, width, radius, shape), k)
    assert found.shape == (height * width, 4)
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), want, atol=2e-5)


@pytest.mark.parametrize("case", GRIDS, ids=lambda case: "-".join(map(str, case)))
def test_neighbours_are_the_nearest_that_may_be_seen(case):
    height, width, radius, shape, k, frames = case
    grid = Neighborhood(height, width, radius, shape)
    target = unit(height, width, 16, seed=0)
    context = [unit(height, width, 16, seed=1 + i) for i in range(frames)]
    found = local_topk(target, [grid.lay_out(f) for f in context], grid, k)
    near = visible(height, width, radius, shape).repeat(1, frames)
    cosine = target.flatten(0, 1) @ torch.cat([f.flatten(0, 1) for f in context]).T
    cosine = cosine.masked_fill(~near, -torch.inf)
    n = min(k, cosine.shape[1])
    values, indices = cosine.topk(n, dim=1)
    real = values.isfinite()
    assert torch.allclose(found.similarity[:, :n][real], values[real], atol=1e-5)
    assert torch.equal(found.indices[:, :n][real], indices[real])
    assert found.similarity[:, n:].isneginf().all()
    assert found.similarity[:, :n][~real].isneginf().all()


@pytest.mark.parametrize("rows", [2, 100])
@pytest.mark.parametrize("radius", [0, 4])
def test_several_tiles_in_one_product_find_the_same(rows, radius, monkeypatch):
    """As on a GPU, where a product of one tile would be too little work."""
    grid = Neighborhood(40, 30, radius)
    target, *context = (unit(40, 30, 16, seed=i) for i in range(4))
    context = [grid.lay_out(f) for f in context]
    one = local_topk(target, context, grid, 6)
    monkeypatch.setattr(affinity, "_rows_at_once", lambda device, similarities: rows)
    several = local_topk(target, context, grid, 6)
    assert torch.allclose(one.similarity, several.similarity, atol=1e-6)
    assert torch.equal(one.indices, several.indices)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("radius", [0, 2])
def test_all_ties_at_the_last_place_stay(seed, radius):
    """Entries +-0.5 and width 4 make cosines -1, -0.5, 0, 0.5, 1 without rounding: many ties."""
    generator = torch.Generator().manual_seed(seed)
    height, width = 9, 10
    frames = [torch.randint(0, 2, (height, width, 4), generator=generator) - 0.5 for _ in range(4)]
    target, *context = frames
    labels = [soft(height * width, 3, seed=seed + i) for i in range(3)]
    grid = Neighborhood(height, width, radius)
    found = propagate_labels(
        target, [grid.lay_out(f) for f in context], labels, grid, topk=5, temperature=0.1
    )
    near = visible(height, width, radius, "square")
    want = plain(target, context, labels, near, 5)
    assert torch.allclose(found.double(), want, atol=1e-5)


def test_a_still_picture_keeps_its_labels_through_exact_ties():
    frame = unit(8, 12, 8, seed=3)
    labels = F.one_hot(torch.arange(96) % 3, 3).float()
    grid = Neighborhood(8, 12, 3)
    context = [grid.lay_out(frame)] * 8
    found = propagate_labels(frame, context, [labels] * 8, grid, topk=5, temperature=0.1)
    assert torch.allclose(found, labels, atol=1e-6)


def test_small_temperature_takes_the_single_nearest():
    grid = Neighborhood(6, 6, 2)
    target, source = unit(6, 6, 16, seed=0), unit(6, 6, 16, seed=1)
    labels = torch.arange(36.0).view(36, 1)
    context = [grid.lay_out(source)]
    found = propagate_labels(target, context, [labels], grid, topk=5, temperature=1e-5)
    nearest = local_topk(target, context, grid, 1).indices[:, 0]
    assert torch.allclose(found[:, 0], nearest.float(), atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bits_give_nearly_the_labels_of_32(dtype):
    grid = Neighborhood(12, 20, 5)
    smooth = F.avg_pool2d(torch.randn(1, 32, 12, 20, generator=torch.manual_seed(0)), 3, 1, 1)
    target = F.normalize(smooth[0].permute(1, 2, 0), dim=-1)
    source = F.normalize(target + 0.05 * unit(12, 20, 32, seed=2), dim=-1)
    labels = soft(240, 3, seed=1)
    exact = propagate_labels(
        target, [grid.lay_out(source)], [labels], grid, topk=5, temperature=0.1
    )
    short = propagate_labels(
        target.to(dtype),
        [grid.lay_out(source.to(dtype))],
        [labels],
        grid,
        topk=5,
        temperature=0.1,
    )
    assert short.dtype == torch.float32
    assert (short - exact).abs().mean() < 0.01


def test_labels_of_weights_sum_to_one():
    grid = Neighborhood(10, 14, 4, "circle")
    frames = [unit(10, 14, 8, seed=i) for i in range(4)]
    labels = [F.one_hot(torch.randint(0, 5, (140,)), 5).float() for _ in range(3)]
    context = [grid.lay_out(f) for f in frames[1:]]
    found = propagate_labels(frames[0], context, labels, grid, topk=5, temperature=0.07)
    assert torch.allclose(found.sum(1), torch.ones(140), atol=1e-5)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [3, 40])
def test_groups_with_neighborhoods_of_their_own_equal_the_dense_matrix(k, ties):
    height, width = 9, 13
    if ties:
        generator = torch.Generator().manual_seed(0)
        frames = list(torch.randint(0, 2, (4, height, width, 4), generator=generator) - 0.5)
    else:
        frames = [unit(height, width, 16, seed=i) for i in range(4)]
    target, first, *last = frames
    labels = [soft(height * width, 3, seed=i) for i in range(3)]
    whole, near = Neighborhood(height, width, 0), Neighborhood(height, width, 2, "circle")
    groups = [
        ContextGroup([whole.lay_out(first)], labels[:1], whole),
        ContextGroup([near.lay_out(f) for f in last], labels[1:], near),
    ]
    found = propagate_from_groups(target, groups, topk=k, temperature=0.1)
    seen = [visible(height, width, 0, "square"), *[visible(height, width, 2, "circle")] * 2]
    want = plain(target, [first, *last], labels, torch.cat(seen, dim=1), k)
    assert torch.allclose(found.double(), want, atol=2e-5)


def test_without_ties_exactly_k_count():
    frame = unit(6, 7, 8, seed=0)
    grid = Neighborhood(6, 7, 0)
    labels = [torch.full((42, 1), float(number)) for number in (0, 0, 0, 9)]
    context = [grid.lay_out(frame)] * 4  # four frames tie; two of them count
    found = propagate_labels(frame, context, labels, grid, topk=2, temperature=0.1, keep_ties=False)
    assert set(found.unique().tolist()) <= {0.0, 4.5}
    kept = propagate_labels(frame, context, labels, grid, topk=2, temperature=0.1)
    assert torch.allclose(kept, torch.full((42, 1), 2.25))


def test_a_mac_adds_up_labels_without_bags(monkeypatch):
    """Older PyTorch has no kernel of `embedding_bag` for MPS."""

    def missing(*_, **__):
        raise NotImplementedError("aten::_embedding_bag on MPS")

    near = Neighborhood(9, 13, 3)
    features = unit(9, 13, 16, seed=0)
    context, labels = [near.lay_out(unit(9, 13, 16, seed=1))], [soft(117, 3, seed=2)]
    expected = propagate_labels(features, context, labels, near, topk=5, temperature=0.1)
    monkeypatch.setattr(affinity.F, "embedding_bag", missing)
    monkeypatch.setattr(affinity, "_has_bags", lambda device: False)
    found = propagate_labels(features, context, labels, near, topk=5, temperature=0.1)
    torch.testing.assert_close(found, expected)
