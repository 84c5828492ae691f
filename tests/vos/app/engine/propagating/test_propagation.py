"""Masks of a propagation equal those of `segment_video`, and nothing is computed twice."""

import numpy as np
import pytest

from tests.data.clips import masks_of, picture, write_picture
from tests.vos.app.engine.conftest import FRAMES, Coarse
from vos.app.project.actions import perform
from vos.app.project.opening import project_of_run
from vos.app.project.prompt_masks import composite
from vos.backbones.loading import load_backbone
from vos.masks.io import read_index_png
from vos.propagation.config import PropagationConfig
from vos.segmentation.options import OutputOptions, PassOptions
from vos.segmentation.segment import segment_video
from vos.video.images import read_image


def expected(desk, clip, out, direction="both", mode="adaptive"):
    frames = sorted({int(key.split("/")[1]) for key in desk.project.items("prompts/")})
    prompts = {frame: composite(desk.project, frame) for frame in frames}
    segment_video(
        str(clip), prompts, out,
        backbone=Coarse(), config=PropagationConfig().in_mode(mode),
        passes=PassOptions(direction), outputs=OutputOptions(overlay=False, confidence=True),
    )  # fmt: skip
    return {int(name): mask for name, mask in masks_of(out).items()}


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    different = [n for n in sorted(ours) if not np.array_equal(ours[n], theirs[n])]
    assert different == []


def truth(number):
    return picture(number)[1]


@pytest.mark.parametrize("mode", ["adaptive", "protocol"])
@pytest.mark.parametrize("prompted", [[0], [4], [2, 5, 9]])
def test_both_directions_equal_a_run_of_the_command(desk, clip, tmp_path, mode, prompted):
    perform(desk.project, {"action": "set_settings", "mode": mode})
    for frame in prompted:
        desk.draw(frame, truth(frame))
    desk.propagate()
    assert_equal(desk.masks(), expected(desk, clip, tmp_path / "out", mode=mode))
    assert desk.session.stale() == []


def test_objects_that_come_later_and_partial_prompts_equal_too(desk, clip, tmp_path):
    desk.draw(1, np.where(truth(1) == 3, 3, 0))
    desk.draw(6, np.where(truth(6) == 9, 9, 0))
    desk.draw(10, truth(10))
    desk.propagate()
    assert_equal(desk.masks(), expected(desk, clip, tmp_path / "out"))


@pytest.mark.parametrize("mode", ["adaptive", "protocol"])
def test_forward_equals_a_run_from_the_first_prompt_on(desk, clip, tmp_path, mode):
    perform(desk.project, {"action": "set_settings", "mode": mode, "direction": "forward"})
    desk.draw(3, truth(3))
    desk.draw(7, truth(7))
    desk.propagate("forward")
    wanted = expected(desk, clip, tmp_path / "out", "forward", mode)
    assert_equal(desk.masks(), {n: mask for n, mask in wanted.items() if n >= 3})
    assert desk.session.stale() == []


def test_backward_leaves_the_last_prompt_and_what_follows(desk, clip, tmp_path):
    desk.draw(5, truth(5))
    desk.propagate("backward")
    wanted = expected(desk, clip, tmp_path / "out")
    assert_equal(desk.masks(), {n: mask for n, mask in wanted.items() if n <= 5})
    assert desk.session.stale() == [[5, FRAMES - 1]]


def test_a_correction_computes_only_what_it_reaches(open_desk, clip, tmp_path):
    with open_desk() as desk:
        desk.add_object()
        desk.add_object()
        desk.draw(0, truth(0))
        assert desk.propagate()["result"]["computed"] == FRAMES
        desk.draw(8, truth(8))
        assert desk.session.stale() == [[0, FRAMES - 1]]
        result = desk.propagate()["result"]
        # Back from 8 to 0; on from the only state, at 0, whose frames up to 7 are not written.
        assert result["computed"] == 9 + (FRAMES - 1)
        assert_equal(desk.masks(), expected(desk, clip, tmp_path / "out"))
        corrected = desk.masks()
        assert desk.propagate()["result"] == {"frames": 0, "computed": 0}
        desk.project.undo()
        desk.project.undo()
        desk.project.undo()
        assert desk.session.stale() == []
        desk.project.redo()
        desk.project.redo()
        result = desk.propagate()["result"]
        assert result["computed"] == 0, "labels are on disk"
        assert_equal(desk.masks(), corrected)


def test_a_correction_goes_on_from_the_nearest_state(desk, monkeypatch):
    monkeypatch.setattr("vos.app.engine.propagating.cached_pass.STATE_EVERY", 4)
    desk.draw(0, truth(0))
    desk.propagate()
    desk.draw(10, truth(10))
    result = desk.propagate()["result"]
    assert result["computed"] == 11 + (10 - 8 - 1) + (FRAMES - 10)


def test_confidence_equals_that_of_the_command(desk, clip, tmp_path):
    desk.draw(0, truth(0))
    desk.draw(9, truth(9))
    desk.propagate()
    expected(desk, clip, tmp_path / "out")
    rows = (tmp_path / "out" / "confidence.csv").read_text().splitlines()
    columns = rows[0].split(",")
    for row in rows[1:]:
        one = dict(zip(columns, row.split(","), strict=True))
        entry = desk.project.get(f"frames/{int(one['frame'])}")
        assert entry["confidence"][one["object"]] == pytest.approx(float(one["confidence"]))


def test_checked_frames_and_deleted_ranges_stay(desk):
    desk.draw(0, truth(0))
    desk.propagate()
    before = desk.masks()
    perform(desk.project, {"action": "set_checked", "first": 4, "last": 5, "checked": True})
    perform(desk.project, {"action": "delete_range", "object": 2, "first": 7, "last": 8})
    desk.draw(10, np.where(truth(10) == 9, 9, 0))
    assert desk.session.stale() == [[0, 3], [6, FRAMES - 1]]
    desk.propagate()
    after = desk.masks()
    assert np.array_equal(before[4], after[4])
    assert np.array_equal(before[5], after[5])
    assert not any((after[n] == 2).any() for n in (7, 8))
    assert (after[6] == 2).any()


def lock(desk, number, locked=True):
    perform(desk.project, {"action": "edit_object", "object": number, "locked": locked})


def test_locked_objects_stay_as_they_are_until_they_are_unlocked(desk, clip, tmp_path):
    desk.draw(0, truth(0))
    desk.propagate()
    before, sure = desk.masks(), desk.project.get("frames/7")["confidence"]["2"]
    lock(desk, 2)
    moved = desk.project.put_mask((truth(6) == 9).astype(np.uint8))  # where object 2 is
    desk.session.add_item(5, 1, {"type": "mask", "mask": moved})
    assert not np.array_equal(before[5] == 1, desk.masks()[5] == 1)
    desk.propagate()
    after = desk.masks()
    assert all(np.array_equal(before[n] == 2, after[n] == 2) for n in range(FRAMES))
    assert not np.array_equal(before[8] == 1, after[8] == 1)
    assert desk.project.get("frames/7")["confidence"]["2"] == sure
    assert desk.session.stale() == []
    assert desk.propagate()["result"]["frames"] == 0
    lock(desk, 2, locked=False)
    assert desk.session.stale() == [[0, FRAMES - 1]]
    desk.propagate()
    assert_equal(desk.masks(), expected(desk, clip, tmp_path / "out"))


def test_locked_objects_come_to_frames_that_have_no_mask_of_them(desk, clip, tmp_path):
    desk.draw(0, truth(0))
    lock(desk, 2)
    desk.propagate()
    assert desk.session.stale() == []
    lock(desk, 2, locked=False)
    assert_equal(desk.masks(), expected(desk, clip, tmp_path / "out"))


def test_the_first_propagation_of_a_run_says_that_it_computes_all_frames(desk, clip, tmp_path):
    desk.draw(0, truth(0))
    expected(desk, clip, tmp_path / "out")
    project = project_of_run(tmp_path / "out", tmp_path / "opened")
    session = desk.engine.session("run", project, desk.frames)
    digest = project.put_mask((truth(7) == 3).astype(np.uint8))
    session.add_item(7, 1, {"type": "mask", "mask": digest})
    first = desk.wait_for("job", job=session.start_propagation("forward"), state="done")
    assert first["result"]["computed"] == FRAMES
    assert "computes all frames" in first["note"]
    session.add_item(10, 1, {"type": "mask", "mask": digest})
    second = desk.wait_for("job", job=session.start_propagation("forward"), state="done")
    assert second["note"] is None
    session.close()
    project.close()


def test_a_propagation_is_one_step_for_undo(desk):
    desk.draw(0, truth(0))
    desk.propagate()
    assert len(desk.masks()) == FRAMES
    desk.project.undo()
    assert list(desk.masks()) == [0]


def test_another_process_goes_on_with_what_a_stopped_one_computed(open_desk, clip, tmp_path):
    with open_desk() as desk:
        desk.add_object()
        desk.add_object()
        desk.draw(0, truth(0))

        def stop():
            if desk.backbone.calls == 6:
                desk.session.cancel(desk.session.jobs[-1]["job"])

        desk.backbone.hook = stop
        desk.propagate(state="cancelled")
        assert 1 < len(desk.masks()) <= 7
        desk.project.undo()
    with open_desk() as desk:
        assert desk.propagate()["result"]["computed"] < FRAMES
        assert_equal(desk.masks(), expected(desk, clip, tmp_path / "out"))


def test_clicks_of_another_thread_meanwhile_are_kept_and_reached_by_the_next_one(
    desk, clip, tmp_path
):
    desk.draw(0, truth(0))
    job = desk.session.start_propagation("both")
    for frame in (3, 8, 11):
        place = {"x": 20 + 2 * frame, "y": 20, "positive": True}
        desk.session.add_item(frame, 1, {"type": "click", **place})
    desk.session.add_item(8, 2, {"type": "box", "left": 46, "top": 34, "right": 76, "bottom": 62})
    desk.wait_for("job", job=job, state="done")
    desk.propagate()
    entries = desk.project.items("frames/").values()
    assert not any("provisional" in entry for entry in entries)
    assert desk.session.stale() == []
    assert_equal(desk.masks(), expected(desk, clip, tmp_path / "out"))


def test_old_chains_make_room(open_desk, limits):
    with open_desk(limits=limits(pass_bytes=1)) as desk:
        desk.add_object()
        desk.add_object()
        passes = desk.project.folder / "cache" / "passes"
        desk.draw(0, truth(0))
        desk.propagate()
        (first,) = [p.name for p in passes.iterdir()]
        desk.draw(0, np.where(truth(0) == 3, 3, 0)[:, ::-1])
        desk.propagate()
        assert first not in [p.name for p in passes.iterdir()]


def test_a_real_clip_with_the_built_in_features_equals_a_run(open_desk, shared_data, tmp_path):
    """Six frames of DAVIS, a prompt on the first one, then a correction on the fourth."""
    source = tmp_path / "frames"
    source.mkdir()
    folder = sorted((shared_data / "davis-train" / "JPEGImages" / "480p").iterdir())[0]
    for path in sorted(folder.iterdir())[:6]:
        write_picture(source / f"{path.stem}.png", read_image(path)[::2, ::2])
    annotations = shared_data / "davis-train" / "Annotations" / "480p" / folder.name
    given = {n: read_index_png(annotations / f"{n:05d}.png")[::2, ::2] for n in (0, 3)}
    backbone = load_backbone("efficientnet_lite0")
    with open_desk(source=source, load=lambda: backbone) as desk:
        object_id = desk.add_object()
        for frame, ids in given.items():
            digest = desk.project.put_mask((ids == 1).astype(np.uint8))
            desk.session.add_item(frame, object_id, {"type": "mask", "mask": digest})
            desk.propagate()
        prompts = {n: (ids == 1).astype(np.uint8) for n, ids in given.items()}
        config = PropagationConfig().in_mode("adaptive")
        segment_video(
            str(source), prompts, tmp_path / "out", backbone=backbone, config=config,
            passes=PassOptions("both"), outputs=OutputOptions(overlay=False),
        )  # fmt: skip
        wanted = {int(name): mask for name, mask in masks_of(tmp_path / "out").items()}
        assert_equal(desk.masks(), wanted)
