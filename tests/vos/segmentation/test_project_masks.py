"""A project as a mask: each of its prompts is for the frame that it is named as."""

import shutil

import numpy as np
import pytest

from tests.data.clips import masks_of, picture
from vos.errors import InputError
from vos.masks.io import write_mask
from vos.segmentation.options import PromptRules, masks_of_project, parse_masks
from vos.segmentation.prompts import masks_by_index, read_prompts


@pytest.fixture
def project(tmp_path):
    for name, number in (("00000", 0), ("00004", 4)):
        write_mask(tmp_path / "project/prompts" / f"{name}.png", picture(number)[1])
    (tmp_path / "project/project.json").touch()
    return tmp_path / "project"


def test_each_prompt_is_for_the_frame_of_its_name(project, video, segment, tmp_path):
    segment(video, {0: picture(0)[1], 4: picture(4)[1]}, "one by one")
    ways = {"project": project, "prompts": project / "prompts", "keys": parse_masks([str(project)])}
    for name, given in ways.items():
        result = segment(video, given, name)
        assert set(result.record.settings["masks"]) == {"0", "4"}
        made, expected = (masks_of(tmp_path / out) for out in (name, "one by one"))
        assert made.keys() == expected.keys()
        assert all(np.array_equal(made[n], expected[n]) for n in expected)


def test_another_folder_gives_the_first_frame_its_mask_alone(project, video, segment):
    (project / "project.json").unlink()
    result = segment(video, project / "prompts", "out")
    assert set(result.record.settings["masks"]) == {"0"}
    assert parse_masks([str(project / "prompts")]) == {None: project / "prompts"}


def test_names_of_pictures_come_before_numbers(tmp_path):
    names = {"1": 0, "2": 1, "3": 2}
    assert masks_by_index({"stem=1": "1.png"}, names, lambda i: i < 3) == {0: "1.png"}
    with pytest.raises(InputError, match="a prompt named '00001', as no frame taken is"):
        masks_by_index({"stem=00001": "00001.png"}, names, lambda i: i < 3)
    assert masks_by_index({"stem=00012": "m.png"}, {}, lambda _: True) == {12: "m.png"}
    with pytest.raises(InputError, match="expected numbers of frames"):
        masks_by_index({"stem=first": "m.png"}, {}, lambda _: True)


def test_a_project_stands_for_its_prompts(project):
    assert masks_of_project(project) == {
        "stem=00000": project / "prompts/00000.png",
        "stem=00004": project / "prompts/00004.png",
    }


def test_projects_without_prompts_and_frames_given_twice_are_refused(project):
    with pytest.raises(InputError, match="two masks for frame 00000"):
        parse_masks([str(project), str(project)])
    (project / "prompts/00000.jpg").touch()
    with pytest.raises(InputError, match="are the same frame"):
        parse_masks([str(project)])
    shutil.rmtree(project / "prompts")
    with pytest.raises(InputError, match="the project has no prompts yet"):
        parse_masks([str(project)])


def test_the_mask_of_one_frame_from_a_folder(project):
    folder = project / "prompts"
    assert parse_masks([f"0:{folder}"]) == {0: folder}


def test_thin_objects_of_a_project_are_taken_as_they_are(tmp_path):
    ids = np.zeros((100, 120), np.uint8)
    ids[10:40, 10:60], ids[10:40, 60], ids[10:40, 61:90] = 1, 2, 3
    path = tmp_path / "prompts/00000.png"
    write_mask(path, ids)
    with pytest.raises(InputError, match="along the border"):
        read_prompts({0: path}, PromptRules())
    (tmp_path / "project.json").touch()
    assert np.array_equal(read_prompts({0: path}, PromptRules())[0].ids, ids)
