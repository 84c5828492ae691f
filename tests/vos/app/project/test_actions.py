"""Actions that need no computing: what each makes of state, masks and prompts."""

import pytest

from tests.vos.app.project.makers import (
    CLICK,
    add_objects,
    files,
    frame,
    perform_all,
    prompt,
    rows,
)
from vos.app.project.actions import is_action, perform
from vos.app.project.project import Project
from vos.app.project.prompt_masks import composite
from vos.errors import InputError


def shown(project, number):
    """Return the object of each row of a frame's mask, background at the end left out."""
    ids = rows(project.mask(project.get(f"frames/{number}")["mask"]))
    while ids and not ids[-1]:
        ids.pop()
    return ids


def propagated(project, count=4):
    """Two objects prompted on frame 0, and masks on the first frames."""
    add_objects(project, 2)
    project.change(
        "Click",
        {
            "prompts/0/1": prompt(project, [0, 1]),
            "prompts/0/2": prompt(project, [1, 2]),
            "frames/0": frame(project, {1: [0], 2: [1, 2]}, "prompt"),
        },
    )
    step = project.change("Propagate", {}).step
    for number in range(1, count):
        project.add_to(step, {f"frames/{number}": frame(project, {1: [0], 2: [number]})})


def test_objects_are_added_with_the_smallest_free_id(project):
    assert add_objects(project, 3) == [1, 2, 3]
    perform(project, {"action": "delete_object", "object": 2})
    delta, result = perform(project, {"action": "add_object", "name": "Dog", "color": [9, 8, 7]})
    assert result == {"object": 2}
    assert delta.undo == "Add Dog"
    entry = {"name": "Dog", "color": [9, 8, 7], "hidden": False, "locked": False}
    assert project.get("objects/2") == entry
    assert project.get("objects/1")["color"] == [230, 159, 0]


def test_no_more_objects_than_a_mask_can_hold(project):
    entry = {"name": "x", "color": [0, 0, 0]}
    project.change("Many", {f"objects/{n}": entry for n in range(1, 255)})
    with pytest.raises(InputError, match="254 objects already"):
        add_objects(project, 1)


def test_objects_are_edited_in_one_step_or_none(project):
    add_objects(project, 1)
    fields = {"action": "edit_object", "object": 1, "name": "Cat", "hidden": True}
    assert perform(project, fields)[0].changed["objects/1"]["name"] == "Cat"
    revision = project.revision
    assert perform(project, fields)[0].changed == {}
    assert project.revision == revision


def test_a_locked_object_is_not_drawn_over(project):
    propagated(project)
    assert files(project, "prompts")["00000"][:3] == [1, 2, 2]
    perform(project, {"action": "edit_object", "object": 1, "locked": True})
    assert files(project, "prompts")["00000"][:3] == [1, 1, 2]
    assert rows(composite(project, 0))[:3] == [1, 1, 2]
    assert composite(project, 1) is None
    project.undo()
    assert files(project, "prompts")["00000"][:3] == [1, 2, 2]


def test_deleting_an_object_takes_its_prompts_pixels_and_ranges(project):
    propagated(project)
    perform(project, {"action": "delete_range", "object": 2, "first": 3, "last": 9})
    before, before_files = project.snapshot(), files(project, "masks")
    perform(project, {"action": "delete_object", "object": 2})
    assert set(project.snapshot()) == {
        "settings", "objects/1", "prompts/0/1", *(f"frames/{n}" for n in range(4))
    }  # fmt: skip
    assert [shown(project, n) for n in range(4)] == [[1]] * 4
    assert project.get("frames/2")["areas"] == {"1": 16}
    assert project.get("frames/2")["confidence"] == {"1": 0.5}
    assert project.get("frames/0")["origin"] == "prompt"
    assert files(project, "prompts") == {"00000": [1, 1] + [0] * 10}
    project.undo()
    assert (project.snapshot(), files(project, "masks")) == (before, before_files)
    perform(project, {"action": "delete_object", "object": 1})
    perform(project, {"action": "delete_object", "object": 2})
    assert set(project.snapshot()) == {"settings"}
    assert files(project, "masks") == files(project, "prompts") == {}


def test_deleting_over_a_range_takes_prompts_inside_it_too(project):
    propagated(project)
    perform_all(
        project,
        ("delete_range", {"object": 2, "first": 0, "last": 1}),
        ("delete_range", {"object": 2, "first": 2, "last": 2}),
    )
    assert project.get("removed/2") == [[0, 2]]
    assert [shown(project, n) for n in range(4)] == [[1], [1], [1], [1, 0, 0, 2]]
    assert list(project.items("prompts/")) == ["prompts/0/1"]
    assert project.get("frames/0")["origin"] == "prompt"
    perform(project, {"action": "delete_range", "object": 1, "first": 0, "last": 0})
    assert project.get("frames/0")["origin"] == "edit"
    assert shown(project, 0) == []


def test_merging_gives_one_object_all_of_both(project):
    propagated(project)
    project.change("Click", {"prompts/2/1": prompt(project, [0, 5])})
    project.change("Range", {"removed/1": [[5, 9]], "removed/2": [[8, 20]]})
    perform(project, {"action": "merge_objects", "from": 1, "into": 2})
    assert list(project.items("objects/")) == ["objects/2"]
    assert [shown(project, n) for n in range(4)] == [[2] * 3, [2, 2], [2, 0, 2], [2, 0, 0, 2]]
    assert project.get("frames/1")["areas"] == {"2": 32}
    assert project.items("removed/") == {"removed/2": [[8, 9]]}
    made = project.items("prompts/")
    assert set(made) == {"prompts/0/2", "prompts/2/2"}
    assert rows(composite(project, 0))[:4] == [2, 2, 2, 0]
    assert rows(composite(project, 2))[:6] == [2, 0, 2, 0, 0, 2]
    assert made["prompts/0/2"]["items"][0]["type"] == "mask"
    project.undo()
    assert project.get("prompts/2/1")["items"] == [CLICK]


def test_a_merged_prompt_keeps_its_items_where_they_give_its_mask(project):
    add_objects(project, 2)
    project.change("Click", {"prompts/4/1": prompt(project, [3])})
    perform(project, {"action": "merge_objects", "from": 1, "into": 2})
    assert project.get("prompts/4/2")["items"] == [CLICK]


def test_frames_are_checked_and_settings_set(project):
    perform_all(
        project,
        ("set_checked", {"first": 2, "last": 5, "checked": True}),
        ("set_checked", {"first": 4, "last": 100, "checked": False}),
        ("set_settings", {"mode": "protocol"}),
    )
    assert sorted(project.items("checked/")) == ["checked/2", "checked/3"]
    assert project.get("settings") == {"mode": "protocol", "direction": "both"}
    delta, _ = perform_all(project, ("undo", {}), ("undo", {}), ("redo", {}))
    assert (delta.undo, delta.redo) == ("Uncheck frames 4 to 100", "Settings")


@pytest.mark.parametrize(
    ("action", "match"),
    [
        ({}, "expected add_object"),
        ({"action": ["undo"]}, "expected add_object"),
        ({"action": "undo", "object": 1}, "expected the fields"),
        ({"action": "delete_object"}, "expected the fields object"),
        ({"action": "delete_object", "object": 9}, "no object 9"),
        ({"action": "delete_object", "object": "1"}, "whole number from 1 to 254"),
        ({"action": "delete_object", "object": True}, "whole number"),
        ({"action": "edit_object", "object": 1, "color": [1, 2]}, "color"),
        ({"action": "edit_object", "object": 1, "color": [1, 2, 999]}, "color 999"),
        ({"action": "edit_object", "object": 1, "name": "a\nb"}, "name"),
        ({"action": "edit_object", "object": 1, "name": "x" * 101}, "100 characters"),
        ({"action": "edit_object", "object": 1, "name": " "}, "empty"),
        ({"action": "edit_object", "object": 1, "locked": "no"}, "true or false"),
        ({"action": "add_object", "name": 3}, "name 3"),
        ({"action": "merge_objects", "from": 1, "into": 1}, "into itself"),
        ({"action": "delete_range", "object": 1, "first": 5, "last": 4}, "before the first"),
        ({"action": "delete_range", "object": 1, "first": 0, "last": 2**50}, "frame"),
        ({"action": "set_checked", "first": 0, "last": 2**39, "checked": True}, "at most"),
        ({"action": "set_checked", "first": 0, "last": 1, "checked": 1}, "true or false"),
        ({"action": "set_settings", "mode": "fast"}, "adaptive or protocol"),
    ],
)
def test_wrong_actions_are_refused_and_change_nothing(project, action, match):
    add_objects(project, 1)
    before = (project.snapshot(), project.revision)
    with pytest.raises(InputError, match=match):
        perform(project, action)
    assert (project.snapshot(), project.revision) == before


def test_is_action(project):
    assert is_action("undo")
    assert not is_action("add_item")
    assert not is_action(["undo"])


def test_edits_are_there_after_reopening(project, folder):
    propagated(project)
    perform(project, {"action": "merge_objects", "from": 1, "into": 2})
    before, masks = project.snapshot(), files(project, "masks")
    project.close()
    with Project.open(folder) as again:
        assert (again.snapshot(), files(again, "masks")) == (before, masks)
