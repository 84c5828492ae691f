"""A folder of masks, each for the frame that it is named as."""

import numpy as np
import pytest

from tests.data.clips import masks_of, picture
from vos.errors import InputError
from vos.masks.io import write_mask
from vos.segmentation.options import PromptRules, masks_of_folder, parse_masks
from vos.segmentation.prompts import masks_by_index, read_prompts


@pytest.fixture
def masks(tmp_path):
    for name, number in (("00000", 0), ("00004", 4)):
        write_mask(tmp_path / "masks" / f"{name}.png", picture(number)[1])
    return tmp_path / "masks"


def test_each_mask_is_for_the_frame_of_its_name(masks, video, segment):
    segment(video, {0: picture(0)[1], 4: picture(4)[1]}, "one by one")
    for name, given in (("folder", masks), ("keys", parse_masks([str(masks)]))):
        result = segment(video, given, name)
        assert set(result.record.settings["masks"]) == {"0", "4"}
        made, expected = (masks_of(masks.parent / out) for out in (name, "one by one"))
        assert made.keys() == expected.keys()
        assert all(np.array_equal(made[n], expected[n]) for n in expected)


def test_names_of_pictures_come_before_numbers(tmp_path):
    names = {"1": 0, "2": 1, "3": 2}
    assert masks_by_index({"stem=1": "1.png"}, names, lambda i: i < 3) == {0: "1.png"}
    with pytest.raises(InputError, match="one named '00001', as no frame taken is"):
        masks_by_index({"stem=00001": "00001.png"}, names, lambda i: i < 3)
    assert masks_by_index({"stem=00012": "m.png"}, {}, lambda _: True) == {12: "m.png"}
    with pytest.raises(InputError, match="expected numbers of frames"):
        masks_by_index({"stem=first": "m.png"}, {}, lambda _: True)


def test_a_project_stands_for_its_prompts(masks):
    project = masks.parent
    (project / "project.json").touch()
    with pytest.raises(InputError, match="the project has no prompts yet"):
        masks_of_folder(project)
    masks.rename(project / "prompts")
    assert masks_of_folder(project) == {
        "stem=00000": project / "prompts/00000.png",
        "stem=00004": project / "prompts/00004.png",
    }


def test_what_is_no_folder_of_masks(masks, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/notes.txt").touch()
    with pytest.raises(InputError, match=r"empty: no masks there; expected pictures"):
        parse_masks([str(tmp_path / "empty")])
    with pytest.raises(InputError, match="two masks for frame 00000"):
        parse_masks([str(masks), str(masks)])
    (masks / "00000.npy").touch()
    with pytest.raises(InputError, match="are the same frame"):
        parse_masks([str(masks)])


def test_the_mask_of_one_frame_from_a_folder(masks):
    assert parse_masks([f"0:{masks}"]) == {0: masks}


def test_thin_objects_of_a_project_are_taken_as_they_are(tmp_path):
    ids = np.zeros((100, 120), np.uint8)
    ids[10:40, 10:60], ids[10:40, 60], ids[10:40, 61:90] = 1, 2, 3
    path = tmp_path / "prompts/00000.png"
    write_mask(path, ids)
    with pytest.raises(InputError, match="along the border"):
        read_prompts({0: path}, PromptRules())
    (tmp_path / "project.json").touch()
    assert np.array_equal(read_prompts({0: path}, PromptRules())[0].ids, ids)
