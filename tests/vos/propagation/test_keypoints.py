"""Points to label channels, and label channels to points."""

import numpy as np
import pytest
import torch

from vos.propagation.config import PointConfig
from vos.propagation.keypoints import (
    PointGeometry,
    pixel_means,
    point_labels,
    read_points,
    strongest_means,
    window_means,
)

GRID = (10, 14)
CELLS = np.array([[3.0, 4.0], [7.25, 2.5], [10.4, 8.9], [0.3, 0.2]])


def blobs(*places, sigma=0.7):
    """Labels (P, N) with one wide blob each."""
    return point_labels(np.array(places, float), GRID, PointConfig(sigma=sigma))


@pytest.mark.parametrize("centers", [True, False])
def test_a_geometry_leads_there_and_back(centers):
    geometry = PointGeometry((480, 854), (60, 104), 8, centers)
    xy = np.array([[0, 0], [853, 479], [100.25, 7.5]])
    assert np.allclose(geometry.pixels(geometry.cells(xy)), xy)
    network = geometry.cells_of_network(np.array([[8.0, 16.0]]))
    assert np.allclose(network, [[0.5625, 1.5625]] if centers else [[1, 2]])


def test_with_centers_the_edges_of_frame_and_grid_are_the_same():
    geometry = PointGeometry((480, 854), (60, 104), 8)
    assert np.allclose(geometry.cells(np.array([[-0.5, -0.5], [853.5, 479.5]])),
                       [[-0.5, -0.5], [103.5, 59.5]])  # fmt: skip
    corners = PointGeometry((480, 854), (60, 104), 8, centers=False)
    assert np.allclose(corners.cells(np.array([[0, 0], [854, 480]])), [[0, 0], [104, 60]])


def test_gaussians_lie_around_the_points_themselves():
    labels = point_labels(CELLS, GRID, PointConfig()).T.unflatten(1, GRID).numpy()
    for (x, y), channel in zip(CELLS, labels, strict=True):
        row, column = np.unravel_index(channel.argmax(), GRID)
        assert (abs(row - y), abs(column - x)) <= (0.5, 0.5)
        want = np.exp(-2 * ((row - y) ** 2 + (column - x) ** 2))
        assert channel.max() == pytest.approx(want, abs=1e-6)
        assert (channel > 0).sum() <= 25


@pytest.mark.parametrize(
    ("x", "cells"),
    [(4.0, [2, 3, 4, 5]), (4.4, [2, 3, 4, 5]), (4.6, [3, 4, 5, 6]), (0.25, [0, 1]),
     (12.9, [11, 12, 13])],
)  # fmt: skip
def test_rounded_gaussians_have_the_published_window(x, cells):
    config = PointConfig(labels="gaussian-rounded")
    labels = point_labels(np.array([[x, 5.0]]), GRID, config).T.unflatten(1, GRID)[0]
    assert labels.amax(0).nonzero()[:, 0].tolist() == cells


def test_a_rounded_gaussian_peaks_at_the_nearest_cell_or_one_beyond_at_the_edge():
    config = PointConfig(labels="gaussian-rounded")
    for x, peak in [(4.4, 4), (4.6, 5), (0.25, 1), (0.75, 2)]:
        labels = point_labels(np.array([[x, 5.0]]), GRID, config).T.unflatten(1, GRID)[0]
        assert (labels.max(), labels.amax(0).argmax()) == (1, peak)


def test_a_cell_is_the_one_that_holds_the_point():
    config = PointConfig(labels="cell")
    for centers, want in [(True, [3, 7, 10, 0]), (False, [3, 7, 10, 0])]:
        labels = point_labels(CELLS, GRID, config, centers=centers).T.unflatten(1, GRID)
        assert labels.amax(1).argmax(1).tolist() == want
        assert labels.sum((1, 2)).tolist() == [1, 1, 1, 1]
    far = point_labels(np.array([[3.6, 3.6]]), GRID, config).T.unflatten(1, GRID)
    assert far[0, 4, 4] == 1


def test_channels_do_not_depend_on_each_other():
    for kind in ("gaussian", "gaussian-rounded", "cell"):
        config = PointConfig(labels=kind)
        together = point_labels(CELLS, GRID, config)
        for number in range(len(CELLS)):
            alone = point_labels(CELLS[number : number + 1], GRID, config)
            assert torch.equal(together[:, number : number + 1], alone)


def test_points_outside_of_the_grid_have_what_reaches_into_it():
    places = np.array([[-1.0, 3.0], [-9.0, 3.0], [40.0, 3.0]])
    for kind in ("gaussian", "gaussian-rounded", "cell"):
        labels = point_labels(places, GRID, PointConfig(labels=kind))
        assert (labels[:, 1:] == 0).all()
        assert bool((labels[:, 0] > 0).any()) == (kind != "cell")


@pytest.mark.parametrize("place", [(3.0, 4.0), (7.25, 2.5), (6.5, 6.4)])
def test_read_backs_find_the_point(place):
    labels = blobs(place)
    for config, allowed in [
        (PointConfig(read_back="soft-argmax"), 0.1),
        (PointConfig(read_back="strongest", strongest=9), 0.15),
        (PointConfig(read_back="argmax"), 0.5),
    ]:
        found = read_points(labels, GRID, config, stride=8)
        assert np.abs(found - place).max() <= allowed, config.read_back


def test_a_second_blob_pulls_the_mean_of_the_strongest_alone():
    labels = blobs((3, 4)) + 0.9 * blobs((11, 4))
    assert window_means(labels, GRID, 2)[0] == pytest.approx([3, 4], abs=0.01)
    assert strongest_means(labels, GRID, 4)[0, 0] > 4


def test_the_window_ends_at_the_edge_of_the_grid():
    assert window_means(blobs((0, 0)), GRID, 2)[0] == pytest.approx([0.27, 0.27], abs=0.1)


def test_a_lost_channel_has_no_position():
    labels = torch.cat([blobs((3, 4)), torch.zeros(140, 1)], dim=1)
    for kind in ("soft-argmax", "strongest", "argmax", "pixels"):
        found = read_points(labels, GRID, PointConfig(read_back=kind), stride=8)
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()


def test_pixels_are_weighted_over_the_whole_map():
    """A single cell in the middle: its pixels' mean is its center, at whole and half pixels."""
    grid = (5, 5)
    labels = torch.zeros(25, 1)
    labels[12] = 0.7
    assert pixel_means(labels, grid, 8)[0] == pytest.approx([19.5, 19.5])
    centered = read_points(labels, grid, PointConfig(read_back="pixels"), stride=8)
    assert centered[0] == pytest.approx([2, 2])
    raised = labels + 0.1  # what is everywhere is stretched away
    assert pixel_means(raised, grid, 8)[0] == pytest.approx([19.5, 19.5], abs=1e-4)
    assert pixel_means(torch.zeros(25, 0), grid, 8).shape == (0, 2)
