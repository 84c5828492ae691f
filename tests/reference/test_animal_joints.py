"""Joints of animals followed as in the code of PIPs (DINO's features on BADJA)."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.data.scenes import NoNetwork
from tests.reference.files import REFERENCE, SHARED, file_id, files_with, load
from vos.backbones.loading import load_backbone
from vos.propagation.keypoints import read_points
from vos.propagation.presets import PRESETS
from vos.tracking.point_tracker import PointTracker
from vos.tracking.tracks import track_points
from vos.video.images import read_image

PRESET = PRESETS["pips-badja"]
MADE = files_with("*.heat_maps", "*.predicted_xy")
FULL = files_with("*.features", "*.predicted_xy", "*.true_xy")
REAL = files_with("*.predicted_xy", "*.rounding_px")
TOLERANCE = 0.01


def videos(paths, ending):
    """(file, video) for each array of such an ending."""
    return [
        pytest.param(path, match[1], id=f"{file_id(path)}-{match[1]}")
        for path in paths
        for name in load(path)[0]
        if (match := re.fullmatch(rf"(.+)\.{ending}", name))
    ]


def needs(paths):
    return pytest.mark.skipif(not paths, reason="no such reference is here")


@needs(MADE)
@pytest.mark.parametrize(("path", "video"), videos(MADE, "heat_maps"))
def test_positions_read_off_label_maps(path, video):
    arrays, settings = load(path)
    want = arrays[f"{video}.predicted_xy"]
    stride = settings["stride"]
    last = arrays[f"{video}.true_xy"][0].astype(np.float64)
    np.testing.assert_allclose(last, want[0], rtol=0, atol=TOLERANCE)
    for maps, xy in zip(arrays[f"{video}.heat_maps"], want[1:], strict=True):
        grid = maps.shape[1:]
        labels = torch.from_numpy(maps.astype(np.float32)).flatten(1).T
        cells = read_points(labels, grid, PRESET.points, stride=stride, centers=False)
        empty = (labels == 0).all(0).numpy()
        last = np.where(empty[:, None], last, cells * stride)
        np.testing.assert_allclose(last, xy, rtol=0, atol=TOLERANCE)


class GivenFeatures(PointTracker):
    """A tracker of frames that are numbers, with features made before."""

    def __init__(self, features, stride):
        backbone = NoNetwork(stride)
        super().__init__(backbone, PRESET.propagation, PRESET.points)
        frames = torch.from_numpy(features.astype(np.float32)).permute(0, 2, 3, 1)
        self.given = F.normalize(frames, dim=-1)  # (S, h, w, D)

    def features(self, frames):
        return [self.given[int(frame[0, 0, 0])].contiguous() for frame in frames]


@needs(FULL)
@pytest.mark.parametrize(("path", "video"), videos(FULL, "features"))
def test_a_whole_run_on_given_features(path, video):
    arrays, settings = load(path)
    features, want = arrays[f"{video}.features"], arrays[f"{video}.predicted_xy"]
    tracker = GivenFeatures(features, settings["stride"])
    size = (*settings["network_size_hw"], 3)
    first = arrays[f"{video}.true_xy"][0]
    for number, xy in enumerate(want):
        frame = np.full(size, number, np.uint8)
        found = tracker.step(frame, first if number == 0 else None)
        np.testing.assert_allclose(found.xy, xy, rtol=0, atol=TOLERANCE)


@needs(REAL)
@pytest.mark.parametrize(
    ("path", "video"),
    [
        pytest.param(path, video, id=f"{file_id(path)}-{video['video']}")
        for path in REAL
        for video in load(path)[1]["videos"]
    ],
)
def test_a_whole_run_on_real_frames(path, video):
    arrays, settings = load(path)
    names = sorted((SHARED / video["images"]).glob("*.jpg"))
    if not names:
        pytest.skip(f"the frames of {video['video']} are not here")
    begin, end = video["frames"]
    frames = [read_image(file) for file in names[begin : end + 1]]
    want = arrays[f"{video['video']}.predicted_xy"]
    rows, columns = settings["network_size_hw"]
    height, width = frames[0].shape[:2]
    # The first positions of the reference are the truth, at the network's size.
    first = want[0].astype(np.float64) * (width, height) / (columns, rows)
    folders = (REFERENCE / "propagation", REFERENCE, SHARED / "reference" / "propagation")
    weights = next((f for d in folders if (f := d / video["checkpoint"]).is_file()), None)
    if weights is None:
        pytest.skip(f"the checkpoint {video['checkpoint']} is not here")
    backbone = load_backbone(weights=weights, device="cpu", precision="fp32")
    tracker = PointTracker(backbone, PRESET.propagation, PRESET.points)
    queries = np.column_stack([np.zeros(len(first)), first])
    tracks = track_points(tracker, frames, queries, backward=False)
    found = tracks.xy.transpose(1, 0, 2) * (columns, rows) / (width, height)
    allowed = 0.02 + arrays[f"{video['video']}.rounding_px"]
    assert (np.abs(found - want).max(-1) <= allowed).all()
