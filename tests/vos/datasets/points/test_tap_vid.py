import json
import os
import pickle

import cv2
import numpy as np
import pytest

from tests.data.point_sets import make_tap_vid, tap_vid_video
from vos.datasets.points.tap_vid import open_tap_vid
from vos.errors import InputError


@pytest.fixture
def video():
    return tap_vid_video(frames=3, points=4)


def write(path, contents):
    path.write_bytes(pickle.dumps(contents))
    return path


def test_the_pickle_and_the_folder_that_it_lies_in(tmp_path):
    path = make_tap_vid(tmp_path / "tapvid_davis.pkl", frames=3, points=4)
    for root in (path, tmp_path):
        dataset = open_tap_vid(root)
        assert [v.name for v in dataset.videos] == ["board", "other"]
    read = dataset.videos[0]
    want = tap_vid_video(frames=3, points=4)
    np.testing.assert_array_equal(read.frames, want["video"])
    np.testing.assert_array_equal(read.visible, ~want["occluded"].T)
    positions = want["points"].astype(np.float64).transpose(1, 0, 2) * 256
    np.testing.assert_array_equal(read.positions, positions)
    assert open_tap_vid(path, sequences=("other",)).videos[0].name == "other"


def test_a_list_of_videos_has_numbers_as_names(tmp_path, video):
    dataset = open_tap_vid(write(tmp_path / "rgb_stacking.pkl", [video, video]))
    assert [v.name for v in dataset.videos] == ["00000", "00001"]


def test_folders_of_the_same_contents(tmp_path, video):
    points = {key: video[key] for key in ("points", "occluded")}
    np.savez(tmp_path / "whole.npz", **video)
    for name in ("json", "npz"):
        frames = tmp_path / name / ("frames" if name == "npz" else "")
        frames.mkdir(parents=True)
        for t, frame in enumerate(video["video"]):
            cv2.imwrite(str(frames / f"{t}.png"), frame[..., ::-1])
    text = json.dumps({key: value.tolist() for key, value in points.items()})
    (tmp_path / "json" / "points.json").write_text(text)
    np.savez(tmp_path / "npz" / "points.npz", **points)
    dataset = open_tap_vid(tmp_path)
    assert [v.name for v in dataset.videos] == ["json", "npz", "whole"]
    for read in dataset.videos:
        assert read.frame_count == 3 and read.size == (256, 256)
        np.testing.assert_array_equal(read.positions, dataset.videos[2].positions)


class Malicious:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_a_pickle_that_wants_to_run_code_runs_nothing(tmp_path, video):
    mark = tmp_path / "mark"
    for call in (
        Malicious(os.system, f"touch {mark}"),
        Malicious(eval, f"open({str(mark)!r},'w')"),
    ):
        path = write(tmp_path / "tapvid_davis.pkl", {"board": {**video, "more": call}})
        with pytest.raises(InputError, match=r"asks for \w+\.\w+, .* it was not run"):
            open_tap_vid(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"video": np.zeros((3, 8, 8, 3))}, r"video is \(3, 8, 8, 3\) of float64; expected name"),
        ({"video": [b"jpeg"]}, "video is list"),
        ({"points": np.zeros((4, 2, 2))}, r"expected \(N, 3, 2\) numbers for 3 frames"),
        ({"occluded": np.zeros((4, 2), bool)}, r"occluded has shape \(4, 2\); expected \(4, 3\)"),
        ({"occluded": np.ones((4, 3), bool)}, "no point is visible"),
        ({"points": np.full((4, 3, 2), 120.0)}, "outside of the frame; expected shares"),
        ({"points": np.full((4, 3, 2), np.nan)}, "outside of the frame"),
    ],
)
def test_wrong_contents(tmp_path, video, changes, message):
    path = write(tmp_path / "tapvid_davis.pkl", {"fine": video, "board": {**video, **changes}})
    with pytest.raises(InputError, match=f"(?s)board: .*{message}.*Download"):
        open_tap_vid(path)
    assert len(open_tap_vid(path, sequences=("fine",)).videos) == 1


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/b", "..", "", "a\\b"])
def test_names_of_a_stranger_are_no_paths(tmp_path, video, name):
    path = write(tmp_path / "tapvid_davis.pkl", {"fine": video, name: video})
    with pytest.raises(InputError, match="expected names without folders"):
        open_tap_vid(path)


def test_what_is_missing(tmp_path, video):
    with pytest.raises(InputError, match="no such file or folder"):
        open_tap_vid(tmp_path / "nowhere.pkl")
    with pytest.raises(InputError, match=r"(?s)no pickle, no <video>\.npz.*Download"):
        open_tap_vid(tmp_path)
    with pytest.raises(InputError, match="holds a int; expected name"):
        open_tap_vid(write(tmp_path / "a.pkl", 3))
    del video["points"]
    with pytest.raises(InputError, match="has no points; expected name"):
        open_tap_vid(write(tmp_path / "a.pkl", {"board": video}))
    write(tmp_path / "b.pkl", {"board": video})
    with pytest.raises(InputError, match=r"several pickles \(a\.pkl, b\.pkl\)"):
        open_tap_vid(tmp_path)
    (tmp_path / "videos" / "board").mkdir(parents=True)
    (tmp_path / "videos" / "board" / "points.json").write_text('{"points": []}')
    with pytest.raises(InputError, match="expected JSON of"):
        open_tap_vid(tmp_path / "videos")
