"""For which frames masks are, and what is refused before any work."""

import cv2
import numpy as np
import pytest

from tests.vos.video.files import encode_ramp
from vos.errors import InputError
from vos.masks.io import write_mask
from vos.segmentation.options import parse_masks
from vos.segmentation.prompts import masks_by_index
from vos.segmentation.segment import segment_video

IDS = np.zeros((48, 64), np.uint8)
IDS[8:30, 8:40] = 1


def frames(folder, names):
    folder.mkdir()
    for number, name in enumerate(names):
        picture = np.full((*IDS.shape, 3), 20 + 10 * number, np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    return folder


def no_backbone():
    raise AssertionError("weights were loaded first")


def refused(tmp_path, source, masks, match):
    with pytest.raises(InputError, match=match):
        segment_video(source, masks, tmp_path / "out", backbone=no_backbone)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "index"),
    [("00005", 1), ("00000", 0), ("2", 2), ("name=00010", 2), ("index=1", 1), (1, 1)],
)
def test_a_name_is_a_frame_and_an_index_is_an_index(key, index):
    names = {"00000": 0, "00005": 1, "00010": 2}
    assert masks_by_index({key: "m.png"}, names, lambda i: i < 3) == {index: "m.png"}


def test_a_padded_name_is_no_index():
    names = {f"{5 * n:05d}": n for n in range(12)}
    assert masks_by_index({"00005": "m.png"}, names, lambda i: i < 12) == {1: "m.png"}


def test_what_could_be_both_is_refused_and_the_advice_works():
    names = {"1": 0, "2": 1, "3": 2}
    with pytest.raises(InputError, match=r"'1' is the name.*index.*name=1:FILE.*index=1:FILE"):
        masks_by_index({"1": "m.png"}, names, lambda i: i < 3)
    assert masks_by_index({"name=1": "m.png"}, names, lambda i: i < 3) == {0: "m.png"}
    assert masks_by_index({"index=1": "m.png"}, names, lambda i: i < 3) == {1: "m.png"}
    assert masks_by_index({"3": "m.png"}, names, lambda i: i < 3) == {2: "m.png"}


def test_two_masks_for_one_frame_and_unknown_names():
    names = {"a": 0, "b": 1}
    with pytest.raises(InputError, match=r"two masks for frame 1: x\.png and y\.png"):
        masks_by_index({1: "x.png", "b": "y.png"}, names, lambda i: i < 2)
    with pytest.raises(InputError, match=r"no frame taken has the name 'c'.*a, b"):
        masks_by_index({"c": "x.png"}, names, lambda i: i < 2)


def test_a_file_with_a_colon_is_a_mask_of_the_first_frame(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_mask("3:m.png", IDS)
    assert list(parse_masks(["3:m.png", "b:m.png", "00005:n.png"])) == [None, "b", "00005"]


def test_a_mask_among_the_frames_is_refused(tmp_path):
    folder = frames(tmp_path / "frames", ["00000", "00001"])
    write_mask(folder / "00000_mask.png", IDS)
    refused(tmp_path, folder, folder / "00000_mask.png", r"00000_mask\.png lies among the frames")
    refused(tmp_path, f"{folder}/*.png", folder / "00000_mask.png", "lies among the frames")


@pytest.mark.parametrize("key", [0, 1, "00001"])
def test_sizes_are_checked_before_weights_are_loaded(tmp_path, key):
    folder = frames(tmp_path / "frames", ["00000", "00001"])
    masks = {0: IDS, key: np.ones((20, 30), np.uint8)}
    refused(tmp_path, folder, masks, r"30x20 pixels, its frame is 64x48")


def test_frames_beyond_the_end_are_refused_before_weights_are_loaded(tmp_path):
    folder = frames(tmp_path / "frames", ["00000", "00001"])
    refused(tmp_path, folder, {0: IDS, "7": IDS}, r"frames \[7\].*only 2 frames")


def test_frames_beyond_the_end_of_a_video_are_refused_before_weights_are_loaded(tmp_path):
    path = encode_ramp(tmp_path / "a.mp4", count=6, size=(48, 64))
    refused(tmp_path, path, {0: IDS, "6": IDS}, r"frames \[6\].*only 6 frames")
