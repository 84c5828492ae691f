"""A folder that `vos segment` wrote becomes a project, and a run with its prompts is the same."""

import hashlib
import json

import numpy as np
import pytest

from tests.data.clips import CONFIG, QUIET, Colours, masks_of, picture, write_picture
from tests.vos.app.project.makers import HEADER
from vos.app.project.opening import project_of_run
from vos.app.project.project import Project
from vos.app.project.run_masks import prompted_objects, read_run
from vos.errors import InputError
from vos.masks.io import write_mask
from vos.propagation.config import PropagationConfig
from vos.segmentation.options import OutputOptions, PassOptions
from vos.segmentation.segment import segment_video
from vos.video.frame_range import FrameRange

CONFIDENT = OutputOptions(overlay=False, confidence=True)
SECOND = np.where(picture(4)[1] == 9, 9, 0).astype(np.uint8)


def segment(source, masks, out, **options):
    options = {"config": CONFIG, "outputs": QUIET, **options}
    segment_video(source, masks, out, backbone=Colours(), **options)
    return out


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Pictures named as DAVIS names them, from another number than 0."""
    root = tmp_path_factory.mktemp("source") / "frames"
    root.mkdir()
    for number in range(8):
        write_picture(root / f"{number + 3:05d}.png", picture(number)[0])
    return root


@pytest.fixture(scope="module")
def run(video, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "out"
    masks = {1: picture(1)[1], 4: SECOND}
    return segment(video, masks, out, outputs=CONFIDENT, passes=PassOptions("both"))


def test_masks_confidence_and_prompts_are_the_runs(run, tmp_path, video):
    with project_of_run(run, tmp_path / "p", name_of=lambda n: f"{n + 3:05d}") as project:
        state = project.snapshot()
        assert state["settings"] == {"mode": "protocol", "direction": "both"}
        assert set(state) == {
            "settings", "objects/3", "objects/9", "prompts/1/3", "prompts/1/9", "prompts/4/9",
            *(f"frames/{n}" for n in range(8)),
        }  # fmt: skip
        assert state["frames/2"]["origin"] == "import"
        assert set(state["frames/2"]["confidence"]) == {"3", "9"}
        assert (project.header.source.path, project.header.source.size) == (str(video), (64, 96))
        assert project.undo_label is None
        made, expected = masks_of(tmp_path / "p"), masks_of(run)
        assert made.keys() == expected.keys()
        assert all(np.array_equal(made[name], expected[name]) for name in made)
        shown = project.mask(state["prompts/4/9"]["mask"])
        assert np.array_equal(shown, SECOND == 9)


def test_a_run_with_the_projects_prompts_gives_the_same_masks(run, tmp_path, video):
    project_of_run(run, tmp_path / "p", name_of=lambda n: f"{n + 3:05d}").close()
    again = segment(video, tmp_path / "p", tmp_path / "again", passes=PassOptions("both"))
    made, expected = masks_of(again), masks_of(run)
    assert made.keys() == expected.keys()
    assert all(np.array_equal(made[name], expected[name]) for name in made)


def test_frames_of_pictures_are_told_by_order_or_by_given_names(video, tmp_path):
    out = segment(video, picture(2)[1], tmp_path / "out", frames=FrameRange(start=2, stride=2))
    with project_of_run(out, tmp_path / "p") as project:
        assert sorted(project.items("frames/")) == [f"frames/{n}" for n in (2, 4, 6)]
        assert list(project.items("prompts/")) == ["prompts/2/3", "prompts/2/9"]
    names = {f"{n + 3:05d}": n + 10 for n in range(8)}
    with project_of_run(out, tmp_path / "q", names=names) as project:
        assert sorted(project.items("frames/")) == [f"frames/{n}" for n in (12, 14, 16)]
    with pytest.raises(InputError, match="the source has no frame of that name"):
        project_of_run(out, tmp_path / "r", names={"a": 0})
    assert not (tmp_path / "r").exists()


def test_masks_that_are_not_the_prompts_are_no_prompts(video, tmp_path):
    config = PropagationConfig(short_side=0, neighborhood_radius=4, prompt_output="labels")
    out = segment(video, picture(0)[1], tmp_path / "out", config=config)
    with project_of_run(out, tmp_path / "p") as project:
        assert project.items("prompts/") == {}
        assert len(project.items("frames/")) == 8


def test_objects_that_were_given_are_told_from_those_that_came_along():
    ids = picture(2)[1]
    given = np.where(ids == 9, ids, 0).astype(np.uint8)
    sha256 = hashlib.sha256(given.tobytes()).hexdigest()
    assert prompted_objects(ids, sha256, is_first=False) == (9,)
    assert prompted_objects(ids, "0" * 64, is_first=False) == ()
    assert prompted_objects(ids, "0" * 64, is_first=True) == (3, 9)


def test_a_frame_size_that_is_not_the_masks(run, tmp_path):
    with pytest.raises(InputError, match="the masks are 96x64 pixels, the frames 16x12"):
        project_of_run(run, tmp_path / "p", source=HEADER.source)


def small_run(folder, **settings):
    record = {
        "settings": {
            "source": "/etc/passwd",
            "fingerprint": {"bytes": 3, "sha256": ""},
            "frames": {"start": 0, "end": None, "stride": 1, "max_size": None},
            "masks": {},
            "propagation": {},
            **settings,
        }
    }
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(record))
    write_mask(folder / "masks" / "00000.png", picture(0)[1])
    return folder


def test_a_small_run_opens(tmp_path):
    run = small_run(tmp_path / "run", masks={"0": {"sha256": "", "mapping": {"3": [1, 2, 3]}}})
    with project_of_run(run, tmp_path / "p") as project:
        assert project.get("objects/3")["color"] == [1, 2, 3]
        assert list(project.items("prompts/")) == ["prompts/0/3", "prompts/0/9"]


@pytest.mark.parametrize(
    "settings",
    [
        {"source": 3},
        {"masks": {"-1": {"sha256": ""}}},
        {"masks": {"9" * 5000: {"sha256": ""}}},
        {"masks": []},
        {"masks": {"0": {"sha256": "", "mapping": {"1": [1, 2, 1e9]}}}},
        {"frames": {"start": 1e400, "stride": 1}},
        {"frames": {"start": 0, "stride": 0}},
        {"propagation": 3},
    ],
)
def test_records_by_somebody_else_are_checked(tmp_path, settings):
    run = small_run(tmp_path / "run", **settings)
    with pytest.raises(InputError, match=r"run\.json is not the record of a run"):
        project_of_run(run, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_what_is_no_run_of_masks(tmp_path):
    with pytest.raises(InputError, match=r"it has no run\.json"):
        read_run(tmp_path)
    run = small_run(tmp_path / "run")
    (run / "masks/00001.png").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="is a link"):
        read_run(run)
    (run / "masks/00001.png").unlink()
    (run / "masks/00001.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="not a readable image"):
        project_of_run(run, tmp_path / "p")
    assert not list((tmp_path / "p").glob("[!.]*"))
    (run / "masks/00001.png").unlink()
    (run / "confidence.csv").write_text("frame,name,object,confidence,absent\n0,00000,3,nan,0\n")
    with pytest.raises(InputError, match=r"confidence\.csv is damaged"):
        project_of_run(run, tmp_path / "p")
    (run / "masks/00000.png").unlink()
    with pytest.raises(InputError, match="no masks yet"):
        read_run(run)


def test_a_project_of_a_run_opens_again(run, tmp_path):
    with project_of_run(run, tmp_path / "p") as project:
        before = project.snapshot()
    with Project.open(tmp_path / "p") as again:
        assert again.snapshot() == before
