"""`vos convert`: a run's masks in other formats, by the command line."""

import json
import zipfile

import cv2
import numpy as np
import pytest

from vos.app.project.actions import perform
from vos.app.project.opening import project_of_run
from vos.app.project.project import Project
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.masks.io import write_mask


@pytest.fixture
def run(tmp_path):
    """A run's folder as `vos segment` leaves it, of two pictures."""
    frames, out = tmp_path / "frames", tmp_path / "run"
    frames.mkdir()
    for number in range(2):
        cv2.imwrite(str(frames / f"img_{number}.png"), np.full((24, 32, 3), 90, np.uint8))
        ids = np.zeros((24, 32), np.uint8)
        ids[4:20, 4 + number : 20] = 1
        ids[8:12, 8:12] = 0
        write_mask(out / "masks" / f"img_{number}.png", ids)
    settings = {
        "source": str(frames), "frames": {"start": 0, "stride": 1}, "fingerprint": {"frames": 2},
        "masks": {}, "propagation": {},
    }  # fmt: skip
    record = {"settings": settings, "state": "complete", "results": {"objects": [1]}}
    (out / "run.json").write_text(json.dumps(record))
    return out


def call(*arguments):
    return run_verbs("vos", "", VERBS, ["convert", *map(str, arguments)])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_several_formats_at_once(run, tmp_path, capsys):
    out = tmp_path / "out"
    assert call(run, "--to", "cvat, yolo,overlay", "-o", out, "--name", "1=a cat") == 0
    assert names(out) == ["frames-cvat.xml", "frames-overlay.mp4", "frames-yolo.zip"]
    printed = capsys.readouterr().out
    assert f"cvat: {out / 'frames-cvat.xml'}" in printed
    assert "2 holes of 1 object in 2 frames are joined" in printed
    assert 'label="a cat"' in (out / "frames-cvat.xml").read_text()


@pytest.fixture
def project(run, tmp_path):
    """A project of the same pictures and masks, whose object is called a dog."""
    folder = tmp_path / "clip.vos-project"
    with project_of_run(run, folder) as made:
        perform(made, {"action": "edit_object", "object": 1, "name": "a dog"})
    return folder


def test_a_project_gives_what_its_run_does(run, project, tmp_path, capsys):
    formats = ("--to", "masks,cvat,overlay,labelme")
    assert call(run, *formats, "-o", tmp_path / "a", "--name", "1=a dog") == 0
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}
    assert call(project, *formats, "-o", tmp_path / "b") == 0
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before
    assert names(tmp_path / "a") == names(tmp_path / "b")
    for name in ("frames-masks.zip", "frames-labelme.zip"):
        with (
            zipfile.ZipFile(tmp_path / "a" / name) as a,
            zipfile.ZipFile(tmp_path / "b" / name) as b,
        ):
            assert {n: a.read(n) for n in a.namelist()} == {n: b.read(n) for n in b.namelist()}
    texts = [(tmp_path / out / "frames-cvat.xml").read_text() for out in "ab"]
    assert texts[0].partition("</meta>")[2] == texts[1].partition("</meta>")[2]
    assert 'label="a dog"' in texts[1]


def test_a_project_that_is_open_elsewhere_is_read_as_it_is(project, tmp_path):
    with Project.open(project) as opened:
        perform(opened, {"action": "edit_object", "object": 1, "name": "a cow"})
        assert call(project, "--to", "cvat", "-o", tmp_path / "out") == 0
    assert 'label="a cow"' in (tmp_path / "out" / "frames-cvat.xml").read_text()
    assert call(project, "--to", "cvat", "-o", tmp_path / "two", "--name", "1=an ox") == 0
    assert 'label="an ox"' in (tmp_path / "two" / "frames-cvat.xml").read_text()


def test_a_project_whose_frames_are_gone_or_others_is_refused(project, tmp_path, capsys):
    moved = (tmp_path / "frames").rename(tmp_path / "moved")
    arguments = (project, "--to", "masks", "-o", tmp_path / "out")
    assert call(*arguments) == 2
    assert "say where they are now (--video)" in capsys.readouterr().err
    assert call(*arguments, "--video", moved) == 0
    cv2.imwrite(str(tmp_path / "other.png"), np.zeros((20, 20, 3), np.uint8))
    assert call(*arguments, "--video", tmp_path / "other.png", "--overwrite") == 2
    assert "32x24 pixels, the frames" in capsys.readouterr().err
    (project / "journal.jsonl").unlink()
    assert call(*arguments, "--video", moved) == 2
    assert "journal.jsonl is missing" in capsys.readouterr().err


def test_pictures_beside(run, tmp_path):
    assert call(run, "--to", "labelme", "-o", tmp_path / "out", "--pictures", "png") == 0
    with zipfile.ZipFile(tmp_path / "out" / "frames-labelme.zip") as archive:
        assert archive.namelist() == ["img_0.json", "img_0.png", "img_1.json", "img_1.png"]


def test_files_are_replaced_on_request_alone(run, tmp_path, capsys):
    arguments = (run, "--to", "coco", "-o", tmp_path / "out")
    assert call(*arguments) == 0
    written = tmp_path / "out" / "frames-coco.json"
    written.write_text("older")
    assert call(*arguments) == 2
    assert "holds frames-coco.json already; replace it (--overwrite)" in capsys.readouterr().err
    assert written.read_text() == "older"
    assert call(*arguments, "--overwrite") == 0
    assert json.loads(written.read_text())["images"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--to", "gif"), "no format is called gif; the formats are: masks, overlay"),
        (("--to", ","), "no format was given"),
        (("--to", "yolo", "--name", "person"), "'person' names no object"),
        (("--to", "yolo", "--name", "0=person"), "expected its id, from 1 to 254"),
        (("--to", "yolo", "--name", "1=a", "--name", "1=b"), "two names are given for object 1"),
        (("--to", "overlay", "--overlay-fps", "0"), "overlay fps is 0"),
        (("--to", "overlay", "--video", "nowhere.mp4"), "say where they are now (--video)"),
    ],
)
def test_input_that_cannot_be_used(run, tmp_path, capsys, arguments, text):
    assert call(run, *arguments, "-o", tmp_path / "out") == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists() or names(tmp_path / "out") == []


def test_folders_that_are_no_run(run, tmp_path, capsys):
    assert call(tmp_path, "--to", "yolo", "-o", tmp_path / "out") == 2
    assert "holds no run.json; give a folder that vos segment wrote" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert call(run, "--to", "yolo", "-o", tmp_path / "file") == 2
    assert "is no folder" in capsys.readouterr().err


def test_lengths_of_shrunk_pixels_are_refused(run, tmp_path, capsys):
    record = json.loads((run / "run.json").read_text())
    record["settings"]["frames"]["max_size"] = 32
    (run / "run.json").write_text(json.dumps(record))
    arguments = ("--to", "measurements", "-o", tmp_path / "out", "--pixel-size", "0.5")
    assert call(run, *arguments) == 2
    assert "measure without --pixel-size" in capsys.readouterr().err
