"""BADJA on real frames by the benchmark's own run, against the published program."""

import json

import numpy as np
import pytest

from benchmarks.points.badja_protocol import BadjaProtocol, scored_areas
from benchmarks.points.point_run import PointSettings, track_all
from benchmarks.points.track_folder import TrackFolder
from tests.reference.files import REFERENCE, SHARED, file_id, load
from vos.backbones.loading import load_backbone
from vos.datasets.points.badja import open_badja
from vos.evaluation.points.pck_t import at_scored_size
from vos.propagation.config import PointConfig
from vos.propagation.presets import PRESETS
from vos.runtime.distributed import Team

FILES = sorted(REFERENCE.glob("badja_real*.npz"))
pytestmark = pytest.mark.skipif(not FILES, reason="no such reference is here")


def cases():
    """Return a parameter for each video of the references."""
    for path in FILES:
        for video in load(path)[1]["videos"]:
            yield pytest.param(path, video, id=f"{file_id(path)}-{video['video']}")


def annotated_until(video, folder):
    """Write a video's annotations up to its last frame of the reference."""
    entries = json.loads((SHARED / video["annotation"]).read_text())
    last = video["frames"][1]
    kept = [e for e in entries if int(e["image_path"][-9:-4]) <= last]
    (folder / f"{video['video']}.json").write_text(json.dumps(kept))
    return folder


@pytest.mark.parametrize(("path", "video"), list(cases()))
def test_joints_of_real_videos(path, video, tmp_path):
    arrays, _ = load(path)
    name = video["video"]
    places = (SHARED / video["images"]).parents[2]
    if not places.is_dir():
        pytest.skip(f"no frames in {places}")
    data = annotated_until(video, tmp_path)
    protocol = BadjaProtocol(open_badja(data, davis=(places,), sequences=(name,)))
    checkpoint = REFERENCE / "propagation" / video["checkpoint"]
    backbone = load_backbone(weights=checkpoint, device="cpu", precision="fp32")
    preset = PRESETS["pips-badja"]
    folder = TrackFolder(tmp_path / "run")
    settings = PointSettings(preset.propagation, preset.points or PointConfig())
    assert track_all(protocol, backbone, folder, Team(), settings) == {}
    (badja_video,) = protocol.dataset.videos
    areas, annotated = scored_areas(badja_video), list(badja_video.masks)
    np.testing.assert_array_equal(areas[annotated], arrays[f"{name}.mask_area"][annotated])
    tracks = folder.load(name)
    size = protocol.frame_size(badja_video)
    found = at_scored_size(tracks.xy.transpose(1, 0, 2), size)
    distance = np.linalg.norm(found - arrays[f"{name}.predicted_xy"], axis=-1)
    assert (distance <= 0.02 + arrays[f"{name}.rounding_px"]).all(), distance.max()
    score = protocol.score({name: tracks}).overall["PCK-T"]
    assert abs(score - arrays[f"{name}.pck"]) <= 1e-3
