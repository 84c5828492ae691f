import numpy as np
import pytest
from scipy.io import savemat

from tests.data.point_sets import board_points, make_jhmdb, moved
from vos.datasets.points.jhmdb import open_jhmdb
from vos.errors import InputError


@pytest.fixture
def root(tmp_path):
    return make_jhmdb(tmp_path / "JHMDB", frames=3)


def mat(root, name="wave/first"):
    return root / "joint_positions" / name / "joint_positions.mat"


def test_test_set_of_split_1_with_positions_from_0(root):
    dataset = open_jhmdb(root)
    assert [video.name for video in dataset.videos] == ["wave/first", "wave/second"]
    first = dataset.videos[0]
    np.testing.assert_array_equal(first.positions, moved(board_points(15), 3))
    assert first.visible.all() and first.visible.shape == (3, 15)
    assert first.size == (320, 240)
    assert [path.name for path in first.frames] == ["00001.png", "00002.png", "00003.png"]
    assert [v.name for v in open_jhmdb(root, "train").videos] == ["run/third"]
    assert len(open_jhmdb(root, sequences=("wave/second",)).videos) == 1


def test_pictures_beyond_the_joints_are_left_out(root):
    savemat(mat(root), {"pos_img": np.full((2, 15, 2), 50)})
    assert open_jhmdb(root).videos[0].frame_count == 2


def test_all_that_is_missing_is_said_at_once(root):
    mat(root).unlink()
    for path in (root / "Rename_Images/wave/second").iterdir():
        path.unlink()
    with pytest.raises(InputError) as error:
        open_jhmdb(root)
    assert str(mat(root)) in str(error.value)
    assert "wave/second: no pictures in" in str(error.value)
    assert "Download Rename_Images, joint_positions and splits from" in str(error.value)


def test_missing_lists(root):
    for path in (root / "splits").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"no lists .*_test_split1\.txt\n.*Download"):
        open_jhmdb(root)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"pos": np.zeros((2, 15, 3))}, "no variable pos_img .*pos"),
        ({"pos_img": np.zeros((2, 13, 3))}, r"shape \(2, 13, 3\); expected \(2, 15, frames\)"),
        ({"pos_img": np.full((2, 15, 9), 5.0)}, "joints of 9 frames, but 3 pictures"),
        ({"pos_img": np.full((2, 15, 3), np.nan)}, "no numbers"),
        ({"pos_img": np.full((2, 15, 3), -40.0)}, "no joint lies inside of its first frame"),
    ],
)
def test_wrong_joints(root, contents, message):
    savemat(mat(root), contents)
    with pytest.raises(InputError, match=message):
        open_jhmdb(root)


def test_damaged_file(root):
    mat(root).write_bytes(b"MATLAB 5.0 MAT-file, cut off")
    with pytest.raises(InputError, match="cannot be read as a MATLAB file"):
        open_jhmdb(root)


def test_strange_lists(root):
    (root / "splits" / "wave_test_split1.txt").write_text("first.avi\n")
    with pytest.raises(InputError, match="a video's name and 1"):
        open_jhmdb(root)
    with pytest.raises(InputError, match="no such folder"):
        open_jhmdb(root / "nowhere")
