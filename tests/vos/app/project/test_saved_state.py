"""A project is read as it is, and nothing of its folder is written."""

import pytest

from tests.vos.app.project.makers import HEADER, add_objects, frame
from vos.app.project.saved_state import read_saved
from vos.errors import InputError


def test_the_state_of_an_open_project_is_read_without_its_torn_last_line(project, folder):
    add_objects(project, 2)
    project.change("Click", {"frames/3": frame(project, {1: [1], 2: [4]})})
    project.undo()
    project.redo()
    journal = folder / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"step":9,"la')
    before = journal.read_bytes()
    saved = read_saved(folder)
    assert (saved.header, saved.state) == (HEADER, project.snapshot())
    digest = saved.state["frames/3"]["mask"]
    assert (saved.mask(digest) == project.mask(digest)).all()
    assert journal.read_bytes() == before


def test_a_damaged_journal_is_refused_with_its_line(project, folder):
    project.close()
    journal = folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"undo":7}\n')
    with pytest.raises(InputError, match="line 2: it does not follow"):
        read_saved(folder)
    journal.unlink()
    with pytest.raises(InputError, match="is missing"):
        read_saved(folder)
