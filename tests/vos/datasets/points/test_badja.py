import json

import numpy as np
import pytest

from tests.data.point_sets import board_points, make_badja, moved
from vos.datasets.points.badja import VIDEOS, open_badja, read_foreground
from vos.errors import InputError
from vos.masks.io import write_mask

NAMES = ("bear", "cows")


@pytest.fixture
def root(tmp_path):
    return make_badja(tmp_path / "BADJA", NAMES)


def change(root, name, **changes):
    """Change all entries of an annotation file."""
    path = root / "joint_annotations" / f"{name}.json"
    entries = [{**entry, **changes} for entry in json.loads(path.read_text())]
    path.write_text(json.dumps(entries))


def test_frames_from_the_first_annotated_to_the_last(root):
    dataset = open_badja(root, sequences=NAMES)
    bear = dataset.videos[0]
    assert bear.frame_count == 7
    assert [path.stem for path in bear.frames] == [f"{n:05d}" for n in range(2, 9)]
    truth = moved(board_points(20), 7)
    annotated = [0, 3, 6]
    np.testing.assert_array_equal(bear.positions[annotated], truth[annotated])
    np.testing.assert_array_equal(bear.visible.all(1), np.isin(np.arange(7), annotated))
    assert {t: path.name for t, path in bear.masks.items()} == {
        0: "00002.png", 3: "00005.png", 6: "00008.png",
    }  # fmt: skip
    assert read_foreground(bear.masks[0]).sum() == 120 * 96


def test_the_seven_videos_by_default_and_all_that_is_missing(root):
    with pytest.raises(InputError) as error:
        open_badja(root)
    for name in set(VIDEOS) - set(NAMES):
        assert f"{name}.json" in str(error.value)
    assert "Download joint_annotations from" in str(error.value)


def test_frames_at_480p_have_to_have_the_shape_of_the_full_resolution(root):
    for kind in ("JPEGImages", "Annotations"):
        (root / "DAVIS" / kind / "Full-Resolution").rename(root / "DAVIS" / kind / "480p")
    with pytest.raises(InputError, match=r"its joints are of a picture of 1920x1080"):
        open_badja(root, sequences=NAMES)


def test_object_2_is_no_foreground(tmp_path):
    ids = np.repeat(np.arange(4, dtype=np.uint8), 5)[None].repeat(2, 0)
    write_mask(tmp_path / "mask.png", ids)
    np.testing.assert_array_equal(read_foreground(tmp_path / "mask.png"), ids % 2 == 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": [[1, 2]] * 20}, "joints of shape"),
        ({"joints": [["a", 2]] * 37}, "expected BADJA's JSON"),
        ({"visibility": [True] * 3}, "visibility of shape"),
        ({"visibility": [False] * 37}, "no joint is visible after the first annotated frame"),
        ({"image_path": "DAVIS/bear/first.jpg"}, "names no numbered frame"),
        ({"joints": [[4000, 50]] * 37}, r"outside of a picture of 320x240"),
    ],
)
def test_wrong_annotations(root, changes, message):
    change(root, "bear", **changes)
    with pytest.raises(InputError, match=message):
        open_badja(root, sequences=("bear",))


def test_missing_frames_and_masks(root):
    (root / "DAVIS/JPEGImages/Full-Resolution/bear/00004.png").unlink()
    (root / "DAVIS/Annotations/Full-Resolution/cows/00005.png").unlink()
    with pytest.raises(InputError) as error:
        open_badja(root, sequences=NAMES)
    assert "bear: no pictures of the frames 4 in" in str(error.value)
    assert "cows: no masks of the frames 00005 in" in str(error.value)
    with pytest.raises(InputError, match=r"expected JPEGImages/Full-Resolution/bear"):
        open_badja(root, davis=(root,), sequences=("bear",))
    with pytest.raises(InputError, match="no sequences tiger"):
        open_badja(root, sequences=("tiger",))
    with pytest.raises(InputError, match="no such folder"):
        open_badja(root / "nowhere")


def test_real_videos_at_480p(shared_data):
    places = tuple(shared_data / name for name in ("davis-dev", "davis-train", "davis-train-2"))
    names = ("bear", "cows", "dog-agility", "horsejump-low")
    dataset = open_badja(shared_data / "badja", davis=places, sequences=names)
    assert [video.size for video in dataset.videos] == [(1920, 1080)] * 4
    assert [int(video.frames[0].stem) for video in dataset.videos] == [2, 0, 0, 0]
    assert all(video.visible[0].any() for video in dataset.videos)
