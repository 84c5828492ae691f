"""Changes, undo and redo, and what the folder holds after them."""

import errno
import json
import os
import shutil

import numpy as np
import pytest

from tests.vos.app.project.makers import (
    CLICK,
    HEADER,
    add_objects,
    files,
    frame,
    mask,
    prompt,
    rows,
)
from vos.app.project.project import Project
from vos.errors import InputError


def journal_lines(folder):
    return (folder / "journal.jsonl").read_bytes().splitlines()


def test_a_new_project_has_its_settings_and_nothing_to_undo(project):
    assert project.snapshot() == {"settings": {"mode": "adaptive", "direction": "both"}}
    assert (project.revision, project.undo_label, project.redo_label) == (1, None, None)
    with pytest.raises(InputError, match="nothing to undo"):
        project.undo()
    with pytest.raises(InputError, match="nothing to redo"):
        project.redo()


def test_a_change_is_in_state_delta_journal_and_files(project, folder):
    add_objects(project, 1)
    value = {"prompts/3/1": prompt(project, [1, 2]), "frames/3": frame(project, {1: [1, 2]})}
    delta = project.change("Click", value)
    assert (delta.revision, delta.undo, delta.redo, delta.step) == (3, "Click", None, 2)
    assert delta.changed["prompts/3/1"]["items"] == [CLICK]
    assert project.get("frames/3") == delta.changed["frames/3"]
    assert files(project, "masks") == files(project, "prompts") == {"00003": [0, 1, 1] + [0] * 9}
    assert json.loads(journal_lines(folder)[-1])["patch"]["frames/3"][0] is None
    assert (folder / "masks/00003.png").samefile(folder / "prompts/00003.png")


def test_what_is_returned_is_a_copy(project):
    add_objects(project, 1)
    project.get("objects/1")["name"] = project.items("objects/")["objects/1"]["name"] = "Other"
    project.snapshot()["settings"]["mode"] = "protocol"
    assert project.get("objects/1")["name"] == "Object 1"
    assert project.get("settings")["mode"] == "adaptive"
    assert project.get("objects/2") is None


def test_undo_and_redo_of_a_propagation_restore_all_masks(project):
    add_objects(project, 1)
    project.change("Edit", {"frames/1": frame(project, {1: [0]}, "edit")})
    before = project.snapshot()
    step = project.change("Propagate", {}).step
    for number in range(4):
        delta = project.add_to(step, {f"frames/{number}": frame(project, {1: [number]})})
        assert delta.step == step
    after, after_files = project.snapshot(), files(project, "masks")
    delta = project.undo()
    assert project.snapshot() == before
    assert delta.changed["frames/0"] is None
    assert list(files(project, "masks")) == ["00001"]
    assert project.add_to(step, {"frames/9": frame(project, {1: [9]})}) is None
    assert project.redo().undo == "Propagate"
    assert project.snapshot() == after
    assert files(project, "masks") == after_files


def test_an_addition_gives_way_to_a_later_change(project):
    add_objects(project, 2)
    step = project.change("Propagate", {}).step
    project.add_to(step, {"frames/0": frame(project, {1: [0]}, provisional=True)})
    project.add_to(step, {"frames/0": frame(project, {1: [1]})})
    project.change("Edit", {"frames/0": frame(project, {1: [2]}, "edit")})
    assert project.add_to(step, {"frames/0": frame(project, {1: [3]})}) is None
    assert project.add_to(step, {"frames/1": frame(project, {1: [3]})}) is not None
    project.undo()
    assert rows(project.mask(project.get("frames/0")["mask"]))[:3] == [0, 1, 0]
    project.undo()
    assert project.items("frames/") == {}


def test_masks_of_a_deleted_object_do_not_arrive(project):
    add_objects(project, 2)
    step = project.change("Propagate", {}).step
    project.change("Delete", {"objects/1": None})
    assert project.add_to(step, {"frames/0": frame(project, {1: [0]})}) is None
    project.undo()
    assert project.add_to(step, {"frames/0": frame(project, {1: [0]})}) is not None
    assert project.redo_label is None  # it would leave the object in frame 0


def test_a_redo_keeps_masks_that_came_to_an_earlier_step(project):
    add_objects(project, 1)
    step = project.change("Propagate", {}).step
    project.change("Edit", {"frames/0": frame(project, {1: [5]}, "edit")})
    project.undo()
    project.add_to(step, {"frames/0": frame(project, {1: [1]})})
    project.redo()
    project.undo()
    assert rows(project.mask(project.get("frames/0")["mask"]))[:2] == [0, 1]


def test_a_change_after_undo_drops_what_could_be_redone(project):
    add_objects(project, 2)
    project.undo()
    assert project.change("Other", {"checked/0": True}).redo is None
    with pytest.raises(InputError, match="nothing to redo"):
        project.redo()


def test_subscribers_get_every_delta_in_order(project):
    deltas = []
    project.subscribe(deltas.append)
    add_objects(project, 1)
    project.undo()
    project.redo()
    assert [d.revision for d in deltas] == [2, 3, 4]
    assert [d.undo for d in deltas] == ["Add Object 1", None, "Add Object 1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"frames/0": {"mask": "0" * 40, "origin": "edit"}},
        {"nothing/0": True},
        {"checked/0": False},
        {"prompts/0/7": {"items": [], "mask": "0" * 40}},
    ],
)
def test_wrong_changes_are_refused_and_change_nothing(project, folder, changes):
    before, lines = project.snapshot(), journal_lines(folder)
    with pytest.raises(InputError):
        project.change("Wrong", changes)
    assert (project.snapshot(), journal_lines(folder)) == (before, lines)


def test_reopening_gives_the_same_state_and_history(project, folder):
    add_objects(project, 3)
    step = project.change("Propagate", {}).step
    project.add_to(step, {"frames/0": frame(project, {1: [1], 2: [3]})})
    project.change("Prompt", {"prompts/0/2": prompt(project, [4])})
    project.undo()
    before, revision = project.snapshot(), project.revision
    project.close()
    with Project.open(folder) as again:
        assert (again.snapshot(), again.revision, again.header) == (before, revision, HEADER)
        assert (again.undo_label, again.redo_label) == ("Propagate", "Prompt")
        again.redo()
        assert files(again, "prompts") == {"00000": [0, 0, 0, 0, 2] + [0] * 7}


def test_a_folder_belongs_to_one_at_a_time(project, folder):
    with pytest.raises(InputError, match="in use by process"):
        Project.open(folder)
    project.close()
    with pytest.raises(InputError, match="is closed"):
        project.change("Check", {"checked/0": True})
    Project.open(folder).close()


def test_create_refuses_a_folder_with_something_else(tmp_path, project, folder):
    with pytest.raises(InputError, match="holds a project already"):
        Project.create(folder, HEADER)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").touch()
    with pytest.raises(InputError, match=r"holds a\.jpg"):
        Project.create(tmp_path / "photos", HEADER)
    (tmp_path / "new/cache").mkdir(parents=True)
    Project.create(tmp_path / "new", HEADER, {"mode": "protocol"}).close()
    with pytest.raises(InputError, match="mode"):
        Project.create(tmp_path / "wrong", HEADER, {"mode": "other"})


def test_a_project_that_was_killed_while_it_was_created_opens(project, folder):
    project.close()
    (folder / "journal.jsonl").unlink()
    with Project.open(folder) as again:
        assert again.get("settings") == {"mode": "adaptive", "direction": "both"}


def test_a_lost_journal_is_told(project, folder):
    project.put_mask(mask([1]))
    project.close()
    (folder / "journal.jsonl").unlink()
    with pytest.raises(InputError, match=r"journal\.jsonl is missing"):
        Project.open(folder)


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


class HalfWrites:
    """Writes seven bytes, and then the disk is full."""

    def __init__(self):
        self._write = os.write
        self._calls = 0

    def __call__(self, handle, data):
        self._calls += 1
        return self._write(handle, data[:7]) if self._calls == 1 else full()


@pytest.mark.parametrize("call", ["write", "fsync", "half", "link"])
def test_a_full_disk_refuses_the_change_and_the_project_stays_usable(
    project, folder, monkeypatch, call
):
    add_objects(project, 1)
    value = {"frames/0": frame(project, {1: [1]}), "prompts/0/1": prompt(project, [1])}
    before, lines = project.snapshot(), journal_lines(folder)
    with monkeypatch.context() as patch:
        if call == "link":
            patch.setattr(os, "link", full)
            patch.setattr(shutil, "copyfile", full)
        elif call == "half":
            patch.setattr(os, "write", HalfWrites())
        else:
            patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space"):
            project.change("Click", value)
    assert (project.snapshot(), journal_lines(folder)) == (before, lines)
    assert files(project, "masks") == files(project, "prompts") == {}
    project.change("Click", value)
    assert list(files(project, "masks")) == ["00000"]
    after = project.snapshot()
    project.close()
    with Project.open(folder) as again:
        assert again.snapshot() == after


def test_a_half_line_that_cannot_be_taken_back_goes_before_the_next(project, folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        patch.setattr(os, "ftruncate", full)
        with pytest.raises(OSError, match="No space"):
            project.change("Check", {"checked/0": True})
    assert len(journal_lines(folder)) == 2
    project.change("Check", {"checked/1": True})
    assert len(journal_lines(folder)) == 2
    project.close()
    with Project.open(folder) as again:
        assert list(again.items("checked/")) == ["checked/1"]


def test_names_of_pictures_are_names_of_files(project, folder):
    add_objects(project, 1)
    project.change("Click", {f"frames/{n}": frame(project, {1: [n]}) for n in range(3)})
    project.name_frames(lambda n: f"img_{n + 1}")
    assert list(files(project, "masks")) == ["img_1", "img_2", "img_3"]
    project.close()
    names = ["../../out", "", "ok"]
    with Project.open(folder, name_of=names.__getitem__) as again:
        assert {"00000", "00001", "ok"} <= set(files(again, "masks"))
        assert not (folder.parent / "out.png").exists()


def test_masks_are_read_only_and_of_one_shape(project):
    digest = project.put_mask(mask([1]))
    with pytest.raises(ValueError, match="read-only"):
        project.mask(digest)[0] = 1
    assert project.put_mask(np.zeros((16, 12), np.uint8)) != project.put_mask(mask())
