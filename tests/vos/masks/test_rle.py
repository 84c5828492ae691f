"""Run-length codes: round trips, and agreement with pycocotools read directly."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from vos.errors import InputError
from vos.masks.ids import VOID
from vos.masks.rle import RleTracks, decode_rle, encode_rle, masks_from_coco, masks_from_youtube_vos

# pycocotools has not yet followed numpy 2 there; its results are the same.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
few = settings(max_examples=40, deadline=None)
SIDES = st.tuples(st.integers(1, 30), st.integers(1, 30))
CLIPS = st.tuples(st.integers(1, 4), SIDES).flatmap(
    lambda shape: hnp.arrays(np.uint8, (shape[0], *shape[1]))
)


@pytest.fixture
def tracks():
    """Object 3 in frames a and c, object 7 in frame b."""
    clip = np.zeros((3, 4, 6), np.uint8)
    clip[0, 1:3, 2:5], clip[1, 0, 0], clip[2, :, 1] = 3, 7, 3
    gathered = RleTracks()
    for name, ids in zip("abc", clip, strict=True):
        gathered.add(name, ids)
    return gathered


@few
@given(SIDES.flatmap(lambda size: hnp.arrays(np.bool_, size)))
def test_code_round_trip(inside):
    code = json.loads(json.dumps(encode_rle(inside)))
    assert code["size"] == list(inside.shape)
    np.testing.assert_array_equal(decode_rle(code), inside)


def test_code_is_that_of_a_hand_made_mask():
    inside = np.array([[0, 1], [1, 1]], bool)
    np.testing.assert_array_equal(decode_rle({"size": [2, 2], "counts": [1, 3]}), inside)
    np.testing.assert_array_equal(decode_rle(encode_rle(inside)), inside)


@few
@given(CLIPS)
def test_both_forms_bring_every_id_back(clip):
    gathered = RleTracks()
    for t, ids in enumerate(clip):
        gathered.add(f"{t:05d}", ids)
    for document, read in (
        (gathered.youtube_vos("clip"), masks_from_youtube_vos),
        (gathered.coco(), masks_from_coco),
    ):
        masks = read(json.loads(json.dumps(document)))
        assert list(masks) == [f"{t:05d}" for t in range(len(clip))]
        expected = np.where(clip == VOID, 0, clip)
        np.testing.assert_array_equal(np.stack(list(masks.values())), expected)


def test_video_form_has_null_where_an_object_is_absent(tracks):
    document = tracks.youtube_vos("clip")
    assert document["videos"][0]["file_names"] == ["a", "b", "c"]
    assert document["videos"][0]["length"] == 3
    three, seven = document["annotations"]
    assert (three["id"], seven["id"]) == (3, 7)
    assert [code is None for code in three["segmentations"]] == [False, True, False]
    assert three["areas"] == [6, None, 4]
    assert three["bboxes"][0] == [2.0, 1.0, 3.0, 2.0]
    assert seven["segmentations"][0] is None


def test_coco_form_is_read_by_pycocotools(tracks, tmp_path):
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(tracks.coco()), encoding="utf-8")
    dataset = COCO(str(path))
    (note,) = dataset.loadAnns(dataset.getAnnIds(imgIds=[1]))
    assert (note["track_id"], note["area"], note["bbox"]) == (3, 6, [2.0, 1.0, 3.0, 2.0])
    expected = np.zeros((4, 6), np.uint8)
    expected[1:3, 2:5] = 1
    np.testing.assert_array_equal(dataset.annToMask(note), expected)


@few
@given(SIDES.flatmap(lambda size: hnp.arrays(np.bool_, size)))
def test_codes_are_read_as_pycocotools_reads_them(inside):
    code = encode_rle(inside)
    np.testing.assert_array_equal(decode_rle(code), coco_mask.decode(code).astype(bool))


def test_coco_pictures_have_their_suffix(tracks):
    document = tracks.coco()
    assert [image["file_name"] for image in document["images"]] == ["a.png", "b.png", "c.png"]
    assert list(masks_from_coco(document)) == ["a", "b", "c"]


def test_sizes_that_no_picture_has_are_refused(tracks):
    video, pictures = tracks.youtube_vos("clip"), tracks.coco()
    for side in (2**40, -4, float("inf")):
        video["videos"][0]["height"] = pictures["images"][0]["height"] = side
        with pytest.raises(InputError, match="not one video"):
            masks_from_youtube_vos(video)
        with pytest.raises(InputError, match="not COCO annotations"):
            masks_from_coco(pictures)


def test_no_frames_give_an_empty_document():
    assert masks_from_youtube_vos(RleTracks().youtube_vos("none")) == {}
    assert masks_from_coco(RleTracks().coco()) == {}


def test_frames_of_another_size_are_refused(tracks):
    with pytest.raises(ValueError, match=r"\(4, 7\), the frames before it \(4, 6\)"):
        tracks.add("d", np.zeros((4, 7), np.uint8))


@pytest.mark.parametrize(
    "code",
    [
        {},
        {"size": [2, 2]},
        {"size": [2, 2], "counts": [1, 9]},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "counts": [1.5, 2.5]},
        {"size": [2, 2], "counts": 5},
        {"size": [2, 2], "counts": ""},
        {"size": [2, 2], "counts": "0" * 100},
        {"size": [2, 2], "counts": "o"},
        {"size": [2, 2], "counts": "\x7f"},
        {"size": [2**40, 96], "counts": "dh0h0X1000"},
        {"size": [2**14, 2**15], "counts": [2**29]},
        {"size": [-2, -2], "counts": [4]},
        {"size": [float("inf"), 2], "counts": [4]},
        None,
    ],
)
def test_bad_codes_are_refused(code):
    with pytest.raises(InputError, match="not a run-length code"):
        decode_rle(code)


def test_documents_of_another_form_are_refused(tracks):
    for document in ({}, {"videos": [], "annotations": []}, {"videos": [{}], "annotations": []}):
        with pytest.raises(InputError, match="not one video"):
            masks_from_youtube_vos(document)
    short = tracks.youtube_vos("clip")
    short["annotations"][0]["segmentations"].pop()
    with pytest.raises(InputError, match="not one video"):
        masks_from_youtube_vos(short)
    with pytest.raises(InputError, match="not COCO annotations"):
        masks_from_coco({"images": []})


def test_codes_of_another_size_are_refused(tracks):
    video, pictures = tracks.youtube_vos("clip"), tracks.coco()
    video["annotations"][0]["segmentations"][0] = encode_rle(np.ones((2, 2), bool))
    pictures["annotations"][0]["segmentation"] = encode_rle(np.ones((2, 2), bool))
    for read, document in ((masks_from_youtube_vos, video), (masks_from_coco, pictures)):
        with pytest.raises(InputError, match=r"a code of \(2, 2\) in a video of \(4, 6\)"):
            read(document)


@pytest.mark.parametrize("number", [-1, 0, 255, 300])
def test_ids_that_no_mask_can_hold_are_refused(number):
    one = RleTracks()
    one.add("a", np.ones((2, 3), np.uint8))
    video, pictures = one.youtube_vos("clip"), one.coco()
    video["annotations"][0]["id"] = number
    pictures["annotations"][0]["track_id"] = number
    for read, document in ((masks_from_youtube_vos, video), (masks_from_coco, pictures)):
        with pytest.raises(InputError, match=f"object {number} of the codes"):
            read(document)
