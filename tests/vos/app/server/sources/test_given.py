"""What the command line of the page names."""

from __future__ import annotations

import json

import pytest

from vos.app.server.sources.given import given_source, project_alone
from vos.errors import InputError


def test_a_video_may_lie_anywhere_and_goes_on_with_its_project(tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    spec = given_source(str(clip), max_size=100)
    assert (spec.video, spec.name, spec.is_given, spec.max_size) == (
        str(clip),
        "clip.mp4",
        True,
        100,
    )
    assert given_source(str(clip), project=tmp_path / "p").folder == tmp_path / "p"


def test_what_a_record_names_is_not_trusted(tmp_path):
    (tmp_path / "project.json").write_text(json.dumps({"source": {"path": "/etc/x.mp4"}}))
    spec = given_source(str(tmp_path))
    assert (spec.video, spec.is_given, spec.project) == ("/etc/x.mp4", False, tmp_path)
    assert project_alone(tmp_path) == spec
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({"settings": {"source": "/etc/y.mp4"}}))
    for spec in (given_source(str(run)), project_alone(run)):
        assert (spec.video, spec.is_given, spec.run) == ("/etc/y.mp4", False, run)


@pytest.mark.parametrize("video", ["camera:0", "rtsp://127.0.0.1/x", "nothing.mp4"])
def test_live_and_missing_sources_are_refused(video):
    with pytest.raises(InputError):
        given_source(video)


def test_a_folder_without_a_project_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="neither a project"):
        project_alone(tmp_path)
