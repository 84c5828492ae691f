"""`vos app`: what its command line makes of sources, roots and options."""

from __future__ import annotations

import json

import pytest

from vos.cli import VERBS
from vos.cli.verbs import run_verbs


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Run the verb with a server that only notes what it was given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "clip.mp4").write_bytes(b"x")
    calls = []
    monkeypatch.setattr(
        "vos.app.server.serving.serve",
        lambda settings, make_parts, **options: calls.append((settings, make_parts, options)),
    )

    def run(*arguments):
        status = run_verbs("vos", "", VERBS, ["app", *arguments])
        return status, calls[-1] if calls else None

    return run


def test_a_clip_is_served_to_this_machine_alone(served, tmp_path):
    status, (settings, make_parts, options) = served("clip.mp4")
    assert status == 0
    (spec,) = settings.sources
    assert (spec.video, spec.is_given) == ("clip.mp4", True)
    assert spec.folder == tmp_path / "clip.mp4.vos-project"
    assert [root.resolve() for root in settings.roots] == [tmp_path]
    assert options == {"host": "127.0.0.1", "port": 0, "open_browser": True}
    assert settings.max_upload == 4_000_000_000
    parts = make_parts.args[0]
    assert parts.project == {"mode": "adaptive", "direction": "both"}
    assert parts.backbone["backbone"] == "efficientnet_lite0"
    json.dumps(dict(parts.backbone))


def test_options_are_handed_on(served, tmp_path):
    (tmp_path / "videos").mkdir()
    _, (settings, make_parts, options) = served(
        "clip.mp4", "--no-browser", "--port", "8000", "--root", "videos", "--max-size", "480",
        "--mode", "protocol", "--direction", "forward", "--weights", "my.pth",
    )  # fmt: skip
    assert options == {"host": "127.0.0.1", "port": 8000, "open_browser": False}
    assert settings.max_size == settings.sources[0].max_size == 480
    assert [str(root) for root in settings.roots] == ["videos"]
    assert make_parts.args[0].project == {"mode": "protocol", "direction": "forward"}
    assert make_parts.args[0].backbone["weights"] == "my.pth"


def test_without_a_clip_there_is_no_source(served):
    _, (settings, _, _) = served()
    assert list(settings.sources) == []


def test_a_project_alone_is_that_of_its_source(served, tmp_path):
    project = tmp_path / "elsewhere" / "work"
    project.mkdir(parents=True)
    (project / "project.json").write_text(json.dumps({"source": {"path": "../../clip.mp4"}}))
    _, (settings, _, _) = served("--project", str(project))
    (spec,) = settings.sources
    assert (spec.project, spec.is_given) == (project, False)
    assert project.parent in settings.roots
    _, (settings, _, _) = served("clip.mp4", "--project", str(project))
    assert (settings.sources[0].folder, settings.sources[0].is_given) == (project, True)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nothing.mp4"], "no such file"),
        (["camera:0"], "record it first"),
        (["--project", "nothing"], "neither a project"),
        (["clip.mp4", "clip.mp4", "--project", "p"], "--project is the folder of one video"),
        (["clip.mp4", "--port", "99999"], "--port 99999"),
        (["clip.mp4", "--max-upload", "0"], "--max-upload 0"),
        (["clip.mp4", "--threads", "0"], "--threads 0"),
        (["clip.mp4", "--max-size", "0"], "max size 0"),
        (["--batch", "nothing.csv"], "nothing.csv"),
    ],
)
def test_wrong_command_lines_are_sentences(served, capsys, arguments, text):
    status, call = served(*arguments)
    assert (status, call) == (2, None)
    assert text in capsys.readouterr().err
