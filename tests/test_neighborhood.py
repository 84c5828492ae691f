"""Tiling of frames: what is cut is joined again, what is laid out is seen through windows."""

import pytest
import torch

from vos.neighborhood import Neighborhood


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
