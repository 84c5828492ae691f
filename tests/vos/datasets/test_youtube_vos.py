"""The layout that YouTube-VOS, MOSE and LVOS share."""

import json

import numpy as np
import pytest

from tests.data.dataset_folders import add_image, add_sequence, mask
from vos.datasets.loading import load_dataset
from vos.errors import InputError


@pytest.fixture
def youtube(tmp_path):
    """One video of five frames with masks on three; object 3 appears in frame 10."""
    masks = {0: mask(1), 10: mask(1, 3), 20: mask(1, 3)}
    root = tmp_path / "youtube"
    add_sequence(root / "valid", "0a7c", masks, sub="", images=0)
    for frame in (0, 5, 10, 15, 20):
        add_image(root / "valid/JPEGImages/0a7c" / f"{frame:05d}.jpg")
    return root


def write_meta(root, objects):
    (root / "valid/meta.json").write_text(json.dumps({"videos": {"0a7c": {"objects": objects}}}))


def test_youtube_vos_objects_start_where_meta_says(youtube):
    one = {"category": "ape", "frames": ["00000", "00005"]}
    write_meta(youtube, {"1": one, "3": {"category": "cat", "frames": ["00010"]}})
    dataset = load_dataset(youtube)
    sequence = dataset.sequences[0]
    assert dataset.name == "YouTube-VOS"
    assert sequence.frame_names == ("00000", "00005", "00010", "00015", "00020")
    assert list(sequence.annotations) == ["00000", "00010", "00020"]
    assert sequence.prompts == {"00000": (1,), "00010": (3,)}
    assert set(np.unique(sequence.read_prompt("00010"))) == {0, 3}


def test_mose_and_lvos_objects_start_where_the_masks_say(youtube):
    assert load_dataset(youtube).sequences[0].prompts == {"00000": (1,), "00010": (3,)}


def test_a_meta_file_without_frames_leaves_it_to_the_masks(youtube):
    write_meta(youtube, {"1": {"frame_range": {}}, "3": {"frame_range": {}}})
    assert load_dataset(youtube).sequences[0].prompts == {"00000": (1,), "00010": (3,)}


def test_the_folder_of_a_split_itself_will_do(youtube):
    assert load_dataset(youtube / "valid").sequences[0].name == "0a7c"


def test_a_broken_meta_file_is_named(youtube):
    (youtube / "valid/meta.json").write_text('{"clips": 3}')
    with pytest.raises(InputError, match=r"meta\.json: expected YouTube-VOS's JSON"):
        load_dataset(youtube)


@pytest.mark.parametrize(
    "video",
    [
        True,
        3,
        {"objects": []},
        {"objects": {"1": [[]]}},
        {"objects": {"1": {"frames": [-1, "00005"]}}},
        {"objects": {"1": {"frames": 10995116277}}},
        {"objects": {"1": {"frames": "00000"}}},
        {"objects": {"a": {"frames": ["00000"]}}},
        {"objects": {"-1": {"frames": ["00000"]}}},
        {"objects": {"300": {"frames": ["00000"]}}},
    ],
)
def test_a_meta_file_of_another_form_is_named(youtube, video):
    (youtube / "valid/meta.json").write_text(json.dumps({"videos": {"0a7c": video}}))
    with pytest.raises(InputError, match=r"meta\.json: video 0a7c: expected `objects`"):
        load_dataset(youtube)
