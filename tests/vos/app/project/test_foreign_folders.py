"""Project folders made by somebody else, or damaged: a sentence, and nothing outside is touched."""

import json
import os
import pickle

import numpy as np
import pytest

from tests.vos.app.project.makers import add_objects, files, frame, mask, prompt, rows
from vos.app.project.project import Project
from vos.errors import InputError
from vos.masks.io import write_mask

NO_MASK = "0" * 40


def refused(folder, match):
    with pytest.raises(InputError, match=match) as refusal:
        Project.open(folder)
    assert len(str(refusal.value)) < 1000


@pytest.fixture
def closed(project, folder):
    """A project with a prompt and a mask, closed."""
    add_objects(project, 1)
    value = {"prompts/0/1": prompt(project, [1]), "frames/0": frame(project, {1: [1]})}
    project.change("Click", value)
    project.close()
    return folder


def add_line(folder, line):
    with (folder / "journal.jsonl").open("ab") as journal:
        journal.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")


def step(patch, number=3):
    return {"step": number, "label": "x", "patch": patch}


OBJECT = {"name": "x", "color": [0, 0, 0], "hidden": False, "locked": False}
FRAME = {"mask": NO_MASK, "areas": {}, "confidence": {}, "origin": "edit", "key": None}


@pytest.mark.parametrize(
    "line",
    [
        b"\x80\x04pickle\n",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b"\n",
        b"[" * 100_000 + b"\n",
        b'{"step": 3, "label": "x", "patch": {"checked/0": [null, NaN]}}\n',
        b'{"step": 3, "label": "x", "patch": {"checked/' + b"9" * 5000 + b'": [null, true]}}\n',
        b'{"step": ' + b"9" * 5000 + b', "label": "x", "patch": {}}\n',
        {"undo": 1},
        {"redo": 2},
        {"add": 7, "patch": {}},
        {"undo": 2, "patch": {}},
        step({}, number=4),
        step({}, number=True),
        {"step": 3, "label": "x" * 10_000, "patch": {}},
        {"step": 3, "label": 3, "patch": {}},
        step([]),
        step({"objects/0": [None, OBJECT]}),
        step({"objects/255": [None, OBJECT]}),
        step({"objects/01": [None, OBJECT]}),
        step({"objects/../../x": [None, OBJECT]}),
        step({"objects/2": [OBJECT, None]}),
        step({"objects/2": [None, {**OBJECT, "name": "x" * 101}]}),
        step({"objects/2": [None, {**OBJECT, "name": "\u202e\n"}]}),
        step({"objects/2": [None, {**OBJECT, "color": [0, 0, 1e300]}]}),
        step({"objects/2": [None, {**OBJECT, "more": 1}]}),
        step({f"frames/{2**41}": [None, FRAME]}),
        step({"frames/-1": [None, FRAME]}),
        step({"frames/1": [None, {**FRAME, "mask": "../../../../etc/passwd"}]}),
        step({"frames/1": [None, {**FRAME, "mask": NO_MASK.replace("0", "Z")}]}),
        step({"frames/1": [None, {**FRAME, "confidence": {"1": 2}}]}),
        step({"frames/1": [None, {**FRAME, "areas": {"x": 2}}]}),
        step({"frames/1": [None]}),
        step({"removed/1": [None, [[5, 4]]]}),
        step({"prompts/1/1": [None, {"items": [{"type": "click"}], "mask": NO_MASK}]}),
        step({"prompts/1/1": [None, {"items": [[]], "mask": NO_MASK}]}),
        step({"settings": [None, {"mode": "adaptive", "direction": "both"}]}),
    ],
)
def test_a_damaged_or_foreign_line_is_told_with_its_number(closed, line):
    before = (closed / "journal.jsonl").read_bytes()
    add_line(closed, line)
    after = (closed / "journal.jsonl").read_bytes()
    refused(closed, r"journal\.jsonl, line 4: ")
    assert (closed / "journal.jsonl").read_bytes() == after
    (closed / "journal.jsonl").write_bytes(before)
    Project.open(closed).close()


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[1]",
        b"{",
        b"[" * 100_000,
        pickle.dumps({"format": "vos-project"}),
        b'{"format": "other"}',
        b'{"format": "vos-project", "version": 2}',
        b'{"format": "vos-project", "version": 1}',
        b" " * (2 << 20),
    ],
)
def test_a_foreign_header(closed, header):
    (closed / "project.json").write_bytes(header)
    refused(closed, r"project\.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", "a\0b"), ("path", 3), ("size", [1e9, 4]), ("size", [4]), ("count", 2**60),
        ("fps", "1e999999999"), ("fps", "1/0"), ("fps", 25), ("size", "ab"),
    ],
)  # fmt: skip
def test_fields_of_a_foreign_header(closed, field, value):
    values = json.loads((closed / "project.json").read_text())
    values["source"][field] = value
    (closed / "project.json").write_text(json.dumps(values))
    refused(closed, r"project\.json is damaged")


@pytest.mark.parametrize(
    "name", [".vos.lock", "journal.jsonl", "store", "masks", "prompts", "store/aa", "masks/x.png",
             "project.json", "exports", "cache"],
)  # fmt: skip
def test_links_that_lead_out_are_refused(closed, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    link = closed / name
    is_folder = link.is_dir() or "." not in name
    if link.exists():
        link.rename(tmp_path / "moved")
    link.symlink_to(outside if is_folder else outside / "file")
    refused(closed, "leads out of the project|project.json")
    assert (outside / "file").read_text() == "mine"
    assert os.listdir(outside) == ["file"]  # noqa: PTH208


def test_a_pipe_in_the_place_of_a_file(closed):
    (closed / "journal.jsonl").unlink()
    os.mkfifo(closed / "journal.jsonl")
    refused(closed, "neither a file nor a folder")


def test_a_folder_that_is_no_project(tmp_path):
    refused(tmp_path, r"it has no project\.json")
    refused(tmp_path / "none", r"it has no project\.json")


def stored(folder, digest):
    path = folder / "store" / digest[:2] / f"{digest}.png"
    path.chmod(0o644)
    return path


def test_an_altered_mask_is_told_when_it_is_read(closed):
    with Project.open(closed) as project:
        digest = project.get("frames/0")["mask"]
    write_mask(stored(closed, digest), mask([5]))
    with Project.open(closed) as project:
        with pytest.raises(InputError, match="was altered"):
            project.mask(digest)
        stored(closed, digest).write_bytes(b"\x89PNG")
        with pytest.raises(InputError, match="not a readable image"):
            project.mask(digest)
        stored(closed, digest).unlink()
        with pytest.raises(InputError, match="is missing"):
            project.mask(digest)
        for other in ("../../x", "0" * 39, 3, "A" * 40):
            with pytest.raises(InputError, match="no digest"):
                project.mask(other)
        assert project.put_mask(mask([1])) == digest
        assert rows(project.mask(digest))[:2] == [0, 1]


def test_files_that_got_out_of_step_are_mended_and_others_left(closed):
    (closed / "masks/00000.png").unlink()
    write_mask(closed / "prompts/00000.png", mask([7]))
    write_mask(closed / "masks/00005.png", mask([7]))
    (closed / "masks/.00009.part.png").touch()
    (closed / "masks/notes.txt").touch()
    with Project.open(closed) as project:
        project.undo()
        assert files(project, "prompts") == {}
        (closed / "masks/notes.txt").unlink()
        assert list(files(project, "masks")) == ["00005"]
        project.redo()
        assert files(project, "masks")["00000"] == files(project, "prompts")["00000"]
    (closed / "masks/00000.png").unlink()
    (closed / "masks/00000.png").symlink_to("00005.png")
    with Project.open(closed) as project:
        assert rows(np.asarray(project.mask(project.get("frames/0")["mask"])))[:2] == [0, 1]
        assert not (closed / "masks/00000.png").is_symlink()
        assert files(project, "masks")["00000"][:2] == [0, 1]


def test_masks_of_frames_undone_before_a_crash_go(closed):
    shown = (closed / "masks/00000.png").read_bytes()
    with Project.open(closed) as project:
        project.undo()
    (closed / "masks/00000.png").write_bytes(shown)
    with Project.open(closed) as project:
        assert files(project, "masks") == {}
