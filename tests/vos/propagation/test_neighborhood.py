"""Tiling of frames: what is cut is joined again, what is laid out is seen through windows."""

import copy
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError

import pytest
import torch

from vos.propagation.neighborhood import Neighborhood


@pytest.mark.parametrize("shape", ["square", "circle"])
@pytest.mark.parametrize(
    ("height", "width", "radius"),
    [(1, 1, 0), (1, 1, 4), (30, 52, 12), (17, 9, 3), (8, 8, 0), (60, 104, 1), (5, 90, 35)],
)
def test_join_undoes_cut(height, width, radius, shape):
    grid = Neighborhood(height, width, radius, shape)
    assert grid.grid == (height, width)
    frame = torch.rand(height, width, 3)
    assert torch.equal(grid.join(grid.cut(frame)), frame.view(-1, 3))


def test_radius_zero_or_beyond_the_frame_is_unlimited():
    assert Neighborhood(10, 20, 0).unlimited
    assert Neighborhood(10, 20, 0, "circle").unlimited
    assert Neighborhood(10, 20, 19).unlimited
    assert not Neighborhood(10, 20, 18).unlimited
    assert not Neighborhood(10, 20, 19, "circle").unlimited


def test_two_of_one_geometry_are_equal():
    assert Neighborhood(4, 5, 2) == Neighborhood(4, 5, 2)
    assert Neighborhood(4, 5, 2) != Neighborhood(4, 5, 2, "circle")


@pytest.mark.parametrize("shape", ["square", "circle"])
@pytest.mark.parametrize(
    ("height", "width", "radius"), [(1, 1, 0), (17, 9, 3), (30, 52, 12), (5, 90, 35), (40, 11, 2)]
)
def test_windows_hold_just_what_the_tile_can_see(height, width, radius, shape):
    grid = Neighborhood(height, width, radius, shape)
    frame = torch.arange(float(height * width)).view(height, width, 1)
    bands = grid.lay_out(frame)
    assert torch.equal(grid.gather(bands), frame)
    down, across = grid.tiles
    targets = grid.cut(frame)
    for x in range(across):
        for y in range(down):
            seen = grid.windows(bands[x], slice(y, y + 1))[0, :, 0]
            places = torch.arange(len(seen)).expand(down, 1, -1)
            assert torch.equal(grid.source_index(x, places)[y, 0], seen.long())
            allowed = grid.bias(x, y, frame, 0.0)[0] == 0
            inside = torch.ones(grid.tile, dtype=torch.bool)
            inside[height - y * grid.tile[0] :] = False
            inside[:, width - x * grid.tile[1] :] = False
            for patch in inside.flatten().nonzero().flatten().tolist():
                here = int(targets[x, y, patch])
                assert set(seen[allowed[patch]].long().tolist()) == reachable(grid, here)


def reachable(grid: Neighborhood, patch: int) -> set[int]:
    rows, columns = torch.arange(grid.height).unsqueeze(1), torch.arange(grid.width)
    dy, dx = rows - patch // grid.width, columns - patch % grid.width
    if grid.radius == 0:
        near = torch.ones(grid.grid, dtype=torch.bool)
    elif grid.shape == "square":
        near = (dy.abs() <= grid.radius) & (dx.abs() <= grid.radius)
    else:
        near = dy**2 + dx**2 <= grid.radius**2
    return set(near.flatten().nonzero().flatten().tolist())


@pytest.mark.parametrize("most", [1, 3, 100])
def test_runs_of_tile_rows_cover_them_once_and_see_windows_of_one_height(most):
    grid = Neighborhood(60, 20, 12)
    frame = torch.rand(60, 20, 2)
    bands = grid.lay_out(frame)
    runs = list(grid.alike(slice(0, grid.tiles[0]), most))
    assert [row for run in runs for row in range(run.start, run.stop)] == list(range(10))
    assert max(run.stop - run.start for run in runs) == min(most, 6)  # rows 2 to 7 see 30 rows
    for run in runs:
        together = grid.windows(bands[0], run)
        alone = [grid.windows(bands[0], slice(y, y + 1)) for y in range(run.start, run.stop)]
        assert torch.equal(together, torch.cat(alone))


def test_threads_that_ask_for_one_bias_compute_it_once(monkeypatch):
    within, calls = Neighborhood._within, []

    def slow(self, down, across):
        calls.append((down, across))
        time.sleep(0.05)
        return within(self, down, across)

    monkeypatch.setattr(Neighborhood, "_within", slow)
    grid, frame = Neighborhood(17, 9, 3), torch.zeros(17, 9, 1)
    ready = threading.Barrier(4)

    def ask(_):
        ready.wait()
        return grid.bias(0, 0, frame, 0.0)

    with ThreadPoolExecutor(4) as pool:
        biases = list(pool.map(ask, range(4)))
    assert len(calls) == 1
    assert all(bias is biases[0] for bias in biases)


def test_a_bias_is_of_the_value_that_is_asked_for():
    grid, frame = Neighborhood(17, 9, 3), torch.zeros(17, 9, 1)
    zero, one = grid.bias(0, 0, frame, 0.0), grid.bias(0, 0, frame, 1.0)
    assert set(zero.unique().tolist()) == {-torch.inf, 0}
    assert set(one.unique().tolist()) == {-torch.inf, 1}
    assert torch.equal(zero.isfinite(), one.isfinite())
    assert grid.bias(0, 0, frame, 0.0) is zero


def test_a_neighborhood_is_a_value():
    """Nothing of it can be set; one that has been used is copied and compared like a new one."""
    grid = Neighborhood(17, 9, 3)
    grid.bias(0, 0, torch.zeros(17, 9, 1), 0.0)
    for same in (copy.deepcopy(grid), pickle.loads(pickle.dumps(grid)), Neighborhood(17, 9, 3)):
        assert same == grid
        assert hash(same) == hash(grid)
    with pytest.raises(FrozenInstanceError):
        grid.radius = 4
    with pytest.raises(TypeError):
        Neighborhood(17, 9, 3, "square", {})


@pytest.mark.parametrize("shape", ["square", "circle"])
@pytest.mark.parametrize("open_radius", [False, True])
@pytest.mark.parametrize("radius", [0.5, 1, 2.5, 3, 5, 8, 9])
def test_fractional_and_open_radii_see_what_their_definition_says(radius, open_radius, shape):
    height, width = 7, 9
    grid = Neighborhood(height, width, radius, shape, open=open_radius)
    places = torch.arange(float(height * width)).view(height, width, 1)
    bands, (down, across) = grid.lay_out(places), grid.tiles
    targets = grid.cut(places)
    for x in range(across):
        for y in range(down):
            seen = grid.windows(bands[x], slice(y, y + 1))[0, :, 0].long()
            allowed = grid.bias(x, y, places, 0.0)[0] == 0
            for target, row in zip(targets[x, y, :, 0].long().tolist(), allowed, strict=True):
                dy = torch.arange(height) - target // width
                dx = torch.arange(width) - target % width
                if shape == "circle":
                    distance = (dy[:, None] ** 2 + dx**2).sqrt()
                else:
                    distance = torch.maximum(dy.abs()[:, None], dx.abs()).float()
                near = distance < radius if open_radius else distance <= radius
                inside = target or (x == 0 and y == 0)  # padding is patch 0
                if inside:
                    assert set(seen[row].tolist()) == set(near.flatten().nonzero()[:, 0].tolist())


def test_places_are_counted_without_a_copy_from_the_host_each_time(monkeypatch):
    near = Neighborhood(17, 30, 4)
    places = torch.zeros(near.tiles[0], 3, 2, dtype=torch.int64)
    first = [near.source_index(x, places) for x in range(near.tiles[1])]

    def copied(*_, **__):
        raise AssertionError("a copy from the host, which a GPU's host waits for")

    monkeypatch.setattr(torch, "tensor", copied)
    again = [near.source_index(x, places) for x in range(near.tiles[1])]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
