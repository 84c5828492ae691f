"""For which frames masks are, and what is refused before any work."""

import warnings

import cv2
import numpy as np
import pytest

from tests.vos.video.files import encode_ramp
from vos.errors import InputError
from vos.masks.io import write_mask
from vos.segmentation.options import PromptRules, parse_masks
from vos.segmentation.prompts import masks_by_index, read_prompts, refuse_frame
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


def drawn(background, colours=((200, 40, 60), (250, 220, 30))):
    """A frame with even colours, RGB."""
    image = np.full((*IDS.shape, 3), background, np.uint8)
    image[8:30, 8:40], image[32:44, 44:60] = colours
    return image


def as_mask(folder, image, name="m.png", **rules):
    """Read a picture as a mask; returns what `refuse_frame` takes but the frame."""
    cv2.imwrite(str(folder / name), image[..., ::-1])
    chosen = PromptRules(**rules)
    return folder / name, read_prompts({0: folder / name}, chosen)[0], chosen


@pytest.mark.filterwarnings("ignore:.*covers")
def test_a_frame_with_even_colours_is_no_mask_of_itself(tmp_path):
    frame = drawn((90, 180, 230))
    source, prompt, rules = as_mask(tmp_path, frame)
    moved = cv2.resize(frame, None, fx=2, fy=2).astype(int) - 6  # as a video moves colours
    for image in (frame, np.clip(moved, 0, 255).astype(np.uint8)):
        with pytest.raises(InputError, match=r"m\.png is a photograph.* equal the frame's.*paint"):
            refuse_frame(source, prompt, image, rules)
    other = np.full_like(frame, 120)
    refuse_frame(source, prompt, other, rules)
    refuse_frame(
        *as_mask(tmp_path, frame, trust_mask=True)[:2], frame, PromptRules(trust_mask=True)
    )


def test_shapes_on_black_may_be_a_mask_of_themselves(tmp_path):
    frame = drawn((0, 0, 0))
    with pytest.warns(UserWarning, match="equal the frame's; its colours were taken as ids"):
        source, prompt, rules = as_mask(tmp_path, frame)
        refuse_frame(source, prompt, frame, rules)


@pytest.mark.filterwarnings("ignore:.*black and white")
def test_masks_of_dark_frames_and_arrays_are_not_compared(tmp_path):
    night = np.full((*IDS.shape, 3), 3, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source, prompt, rules = as_mask(tmp_path, drawn((0, 0, 0)))
        refuse_frame(source, prompt, night, rules)
        refuse_frame(IDS, prompt, night, rules)
        refuse_frame(tmp_path / "m.json", prompt, night, rules)
