"""What can be opened under the roots, by kind."""

from __future__ import annotations

import pytest

from vos.app.server.answers import RequestError, UnknownIdError
from vos.app.server.sources.roots import Roots
from vos.errors import InputError


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    for folder in ("clips", "frames", "out", "work.vos-project", ".hidden"):
        (root / folder).mkdir(parents=True)
    (root / "frames" / "0.jpg").write_bytes(b"jpg")
    (root / "out" / "run.json").write_text("{}")
    (root / "work.vos-project" / "project.json").write_text("{}")
    for name in ("b10.mp4", "b9.MP4", "notes.txt", ".secret.mp4"):
        (root / name).write_bytes(b"\0" * 600)
    return root


def test_entries_have_their_kinds_in_natural_order(root):
    roots = Roots([root])
    ((_, name),) = roots.listing()
    assert name == "root"
    entries = {entry.name: entry.kind for entry in roots.entries(root)}
    assert entries == {
        "b9.MP4": "video", "b10.mp4": "video", "clips": "folder", "frames": "pictures",
        "out": "run", "work.vos-project": "project",
    }  # fmt: skip
    assert list(entries)[:2] == ["b9.MP4", "b10.mp4"]


def test_ids_lead_back_to_their_paths_and_to_no_other(root):
    roots = Roots([root])
    by_name = {entry.name: entry.id for entry in roots.entries(root)}
    assert roots.path_of(by_name["b9.MP4"]) == (root / "b9.MP4").resolve()
    assert {entry.name: entry.id for entry in roots.entries(root)} == by_name
    with pytest.raises(UnknownIdError):
        Roots([root]).path_of(by_name["b9.MP4"])  # another server's


def test_a_root_may_be_a_file(root):
    roots = Roots([root / "b9.MP4"])
    assert roots.listing() == []
    assert roots.resolved(root / "b9.MP4")
    with pytest.raises(RequestError, match="--root"):
        roots.resolved(root / "b10.mp4")


def test_a_root_that_is_a_link_is_what_it_leads_to(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    roots = Roots([tmp_path / "link"])
    assert roots.resolved(tmp_path / "link" / "b9.MP4") == (root / "b9.MP4").resolve()


def test_a_root_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        Roots([tmp_path / "nothing"])


def test_a_name_that_starts_like_a_root_is_not_under_it(root, tmp_path):
    (tmp_path / "root2").mkdir()
    with pytest.raises(RequestError):
        Roots([root]).resolved(tmp_path / "root2")
