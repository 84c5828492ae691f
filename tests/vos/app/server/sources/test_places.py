"""Where projects lie, and the names of files that come from outside."""

from __future__ import annotations

import json
import os

import pytest

from vos.app.server.answers import ConflictError
from vos.app.server.sources.places import (
    check_project,
    data_folder,
    project_folder,
    recorded_source,
    safe_name,
)
from vos.errors import InputError
from vos.runtime.folder_lock import locked_folder


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "vos"


def test_a_project_lies_beside_its_source(tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    assert project_folder(str(clip)) == tmp_path / "clip.mp4.vos-project"


def test_a_project_beside_what_cannot_be_written_to_lies_in_the_users_data(
    tmp_path, data, monkeypatch
):
    clips = [tmp_path / name / "clip.mp4" for name in ("a", "b")]
    for clip in clips:
        clip.parent.mkdir()
        clip.write_bytes(b"x")
    monkeypatch.setattr(os, "access", lambda *_: False)
    folders = [project_folder(str(clip)) for clip in clips]
    assert folders[0] != folders[1]
    for folder in folders:
        assert folder.parent == data / "projects" == data_folder() / "projects"
        assert folder.name.startswith("clip.mp4-")


def test_a_project_of_a_pattern_lies_in_the_users_data(tmp_path, data):
    assert project_folder(str(tmp_path / "*.png")).parent == data / "projects"


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("clip.mp4", "clip.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\videos\\a.mp4", "a.mp4"),
        (".bashrc", "bashrc"),
        ("a\r\nb\0.mp4", "a__b_.mp4"),
        ("q\"u'o.mp4", "q_u_o.mp4"),
        ("Ünïcode 日本.mp4", "Ünïcode 日本.mp4"),
        ("..", "file"),
        ("", "file"),
    ],
)
def test_names_from_outside_are_plain(given, safe):
    assert safe_name(given) == safe


def test_a_long_name_keeps_its_ending():
    assert len(safe_name("x" * 3000 + ".mp4")) == 120
    assert safe_name("x" * 3000 + ".mp4").endswith(".mp4")


def test_the_source_of_a_project_may_be_relative_to_it(tmp_path):
    record = {"source": {"path": "../clip.mp4"}}
    (tmp_path / "project.json").write_text(json.dumps(record))
    assert recorded_source(tmp_path) == str(tmp_path / "../clip.mp4")


def test_the_source_of_a_run_is_that_of_its_command(tmp_path, monkeypatch):
    (tmp_path / "clip.mp4").write_bytes(b"x")
    run = tmp_path / "out"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({"settings": {"source": "clip.mp4"}}))
    monkeypatch.chdir(tmp_path)
    assert recorded_source(run) == str(tmp_path / "clip.mp4")


def test_a_record_that_is_a_link_is_not_read(tmp_path):
    (tmp_path / "other.json").write_text('{"source": "x"}')
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "project.json").symlink_to(tmp_path / "other.json")
    with pytest.raises(InputError, match="neither"):
        recorded_source(tmp_path / "project")


def test_a_project_that_is_open_elsewhere_is_a_conflict(tmp_path):
    with locked_folder(tmp_path), pytest.raises(ConflictError, match="open elsewhere"):
        check_project(tmp_path)
    check_project(tmp_path)
