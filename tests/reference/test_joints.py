"""Labels and positions of joints against the published code for JHMDB (videowalk, CropMAE)."""

import re

import numpy as np
import pytest
import torch

from tests.reference.files import file_id, files_with, load
from vos.propagation.config import PointConfig
from vos.propagation.keypoints import PointGeometry, point_labels, read_points

FILES = files_with("joint_positions_1based", "image_size_wh", "soft_maps")
pytestmark = pytest.mark.skipif(not FILES, reason="no such reference is here")


def arrays_named(pattern):
    """(file, name of an array, number in the name) for each array of such a name."""
    return [
        pytest.param(path, name, int(match[1]), id=f"{file_id(path)}-{name}")
        for path in FILES
        for name in load(path)[0]
        if (match := re.fullmatch(pattern, name))
    ]


@pytest.mark.parametrize(("path", "name", "stride"), arrays_named(r"labels_frame0_stride(\d+)"))
def test_labels_of_joints(path, name, stride):
    arrays, settings = load(path)
    config = PointConfig(labels="gaussian-rounded", sigma=settings["sigma_cells"])
    positions = arrays["joint_positions_1based"][..., 0] - 1  # (V, 2, 15)
    for xy, (width, height), want in zip(
        positions, arrays["image_size_wh"], arrays[name], strict=True
    ):
        grid = want.shape[:2]
        assert [side * stride for side in grid] == settings["network_input"]
        geometry = PointGeometry((height, width), grid, stride, centers=False)
        labels = point_labels(geometry.cells(xy.T), grid, config, centers=False)
        background = (labels == 0).all(1, keepdim=True).to(labels)  # as the reference has it
        found = torch.cat([background, labels], 1).unflatten(0, grid).numpy()
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("path", "name", "strongest"), arrays_named(r"coordinates_top(\d+)"))
def test_positions_of_joints(path, name, strongest):
    arrays, _ = load(path)
    config = PointConfig(read_back="strongest", strongest=strongest)
    for maps, want in zip(arrays["soft_maps"], arrays[name], strict=True):
        grid = maps.shape[1:3]
        for number, soft in enumerate(maps):
            labels = torch.from_numpy(soft.astype(np.float32)).flatten(0, 1)
            found = read_points(labels, grid, config, stride=8)
            found = np.where(np.isnan(found), -1, found)
            np.testing.assert_allclose(found.T, want[..., number], rtol=0, atol=1e-4)
