"""Files in step with the state where a file system has no hard links."""

import os

from tests.vos.app.project.makers import add_objects, files, frame, prompt
from vos.app.project.project import Project


def no_links(*_, **__):
    raise OSError(1, "Operation not permitted")


def test_copies_stand_in_for_links(project, folder, monkeypatch):
    monkeypatch.setattr(os, "link", no_links)
    add_objects(project, 1)
    value = {"frames/0": frame(project, {1: [1]}), "prompts/0/1": prompt(project, [1])}
    project.change("Click", value)
    assert (folder / "masks/00000.png").stat().st_nlink == 1
    before = files(project, "masks")
    project.change("Edit", {"frames/0": frame(project, {1: [2]}, "edit")})
    project.undo()
    assert files(project, "masks") == before
    project.close()
    (folder / "masks/00000.png").unlink()
    with Project.open(folder) as again:
        assert files(again, "masks") == files(again, "prompts") == before


def test_files_that_cannot_be_renamed_are_put_right_by_the_next_change(project, monkeypatch):
    add_objects(project, 1)
    first, second = (frame(project, {1: [row]}) for row in (1, 3))
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", no_links)
        project.change("Frame", {"frames/0": first})
    assert project.get("frames/0") == first
    project.change("Frame", {"frames/1": second})
    assert list(files(project, "masks")) == ["00000", "00001"]
    assert project._in_step
