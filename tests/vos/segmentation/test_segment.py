"""The main job from end to end on small made clips: every output, resuming, wrong input."""

import os
from fractions import Fraction

import cv2
import numpy as np
import pytest

from tests.data.clips import (
    FRAMES,
    HEIGHT,
    WIDTH,
    iou,
    masks_of,
    names,
    picture,
    record_of,
    stop_after,
    write_picture,
)
from vos.errors import InputError
from vos.masks.io import write_mask
from vos.propagation.config import PropagationConfig
from vos.segmentation.options import OutputOptions, PassOptions, PromptRules
from vos.video.frame_range import FrameRange
from vos.video.reader import open_frames


def test_a_folder_gives_masks_overlay_and_record(segment, folder, mask):
    told = []
    result = segment(folder, on_frame=lambda done, total: told.append((done, total)))
    out = result.out
    assert names(out) == ["masks", "overlay.mp4", "run.json"]
    found = masks_of(out)
    assert sorted(found) == sorted(f"frame{n + 5}" for n in range(FRAMES))
    assert np.array_equal(found["frame5"], mask)
    for number in range(FRAMES):
        truth = picture(number)[1]
        ours = found[f"frame{number + 5}"]
        assert set(np.unique(ours)) == {0, 3, 9}
        assert iou(ours, truth, 3) > 0.6
        assert iou(ours, truth, 9) > 0.6
    assert (result.frames, result.computed, result.objects) == (FRAMES, FRAMES, (3, 9))
    assert told == [(n + 1, FRAMES) for n in range(FRAMES)]
    with open_frames(out / "overlay.mp4") as overlay:
        assert overlay.fps == 24
        pictures = [frame.image for frame in overlay]
    assert len(pictures) == FRAMES
    assert pictures[0].shape == (HEIGHT, WIDTH, 3)
    assert np.abs(pictures[0].astype(int) - picture(0)[0])[mask == 3].mean() > 10


def test_a_video_keeps_its_rate_and_counts_frames(segment, video):
    result = segment(video)
    assert sorted(masks_of(result.out)) == [f"{n:05d}" for n in range(FRAMES)]
    with open_frames(result.out / "overlay.mp4") as overlay:
        assert overlay.fps == Fraction(30000, 1001)
        assert len(list(overlay)) == FRAMES


def test_stride_start_end_and_size(segment, video, backbone):
    frames = FrameRange(start=1, end=7, stride=2, max_size=48)
    given = cv2.resize(picture(1)[1], (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    result = segment(video, given, frames=frames)
    found = masks_of(result.out)
    assert sorted(found) == ["00001", "00003", "00005"]
    assert found["00001"].shape == (32, 48)
    with open_frames(result.out / "overlay.mp4") as overlay:
        assert overlay.fps == Fraction(15000, 1001)
    assert iou(found["00005"], picture(5)[1][::2, ::2], 3) > 0.4


def test_one_frame_is_a_video_too(segment, tmp_path, mask):
    write_picture(tmp_path / "one.png", picture(0)[0])
    result = segment(tmp_path / "one.png")
    assert np.array_equal(masks_of(result.out)["one"], mask)
    with open_frames(result.out / "overlay.mp4") as overlay:
        assert len(list(overlay)) == 1


def test_masks_on_several_frames_and_files(segment, folder, tmp_path):
    write_mask(tmp_path / "first.png", np.where(picture(2)[1] == 3, 3, 0).astype(np.uint8))
    np.save(tmp_path / "later.npy", np.where(picture(5)[1] == 9, 9, 0))
    masks = {2: tmp_path / "first.png", 5: tmp_path / "later.npy"}
    result = segment(folder, masks, passes=PassOptions("forward"))
    found = masks_of(result.out)
    for number in (0, 1):
        assert not found[f"frame{number + 5}"].any()
    for number in (2, 3, 4):
        assert set(np.unique(found[f"frame{number + 5}"])) == {0, 3}
    for number in (5, 6, 7):
        assert iou(found[f"frame{number + 5}"], picture(number)[1], 9) > 0.6
        assert iou(found[f"frame{number + 5}"], picture(number)[1], 3) > 0.5
    assert result.objects == (3, 9)


def test_colours_are_mapped_and_reported(segment, folder, tmp_path, mask):
    colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colours[mask == 3] = (10, 200, 30)
    colours[mask == 9] = (250, 120, 0)
    write_picture(tmp_path / "mask.png", colours)
    result = segment(folder, tmp_path / "mask.png")
    assert result.mapping == {1: (10, 200, 30), 2: (250, 120, 0)}
    assert record_of(result.out)["settings"]["masks"]["0"]["mapping"]["2"] == [250, 120, 0]


def test_a_mask_of_another_size(segment, folder, mask):
    half = mask[::2, ::2].copy()
    with pytest.raises(InputError, match="48x32 pixels, its frame is 96x64"):
        segment(folder, half)
    result = segment(folder, half, out="resized", rules=PromptRules(resize_mask=True))
    assert iou(masks_of(result.out)["frame5"], mask, 3) > 0.9


def test_a_jpeg_mask_is_snapped_on_request(segment, folder, tmp_path):
    gray = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(gray, (40, 30), (27, 19), 20, 0, 360, 255, -1)
    cv2.imwrite(str(tmp_path / "mask.jpg"), gray, [cv2.IMWRITE_JPEG_QUALITY, 40])
    with pytest.raises(InputError, match="different values"):
        segment(folder, tmp_path / "mask.jpg")
    rules = PromptRules(snap_mask=True)
    result = segment(folder, tmp_path / "mask.jpg", out="snapped", rules=rules)
    assert iou(masks_of(result.out)["frame5"], (gray > 0).astype(np.uint8), 1) > 0.95


@pytest.mark.parametrize(
    ("masks", "told"),
    [
        ({}, "no mask was given"),
        ({3: np.ones((HEIGHT, WIDTH), np.uint8), 8: np.ones((HEIGHT, WIDTH), np.uint8)}, "only 8"),
        ({-1: np.ones((HEIGHT, WIDTH), np.uint8)}, "not among the frames taken"),
        (np.zeros((HEIGHT, WIDTH), np.uint8), "no object"),
        (np.full((HEIGHT, WIDTH), 300), "ids 0 to 254"),
        (np.zeros((HEIGHT, WIDTH)), "float64"),
    ],
)
def test_masks_that_cannot_be_used(segment, folder, masks, told, tmp_path):
    with pytest.raises(InputError, match=told):
        segment(folder, masks)
    assert not (tmp_path / "out" / "overlay.mp4").exists()


def test_a_mask_beyond_the_end_of_a_video_is_told_with_the_masks_kept(segment, video, mask):
    with pytest.raises(InputError, match=r"masks were given for frames \[20\]"):
        segment(video, {0: mask, 20: mask}, out="out")


@pytest.mark.parametrize(
    ("range_", "told"),
    [
        ({"stride": 0}, "stride is 0"),
        ({"start": 9}, "start earlier|not among"),
        ({"start": 4, "end": 2}, "end 2 is not after start 4"),
        ({"start": 4, "end": 4}, "end 4 is not after start 4"),
        ({"max_size": 0}, "max size"),
    ],
)
def test_frame_ranges_that_hold_nothing(segment, folder, mask, range_, told):
    with pytest.raises(InputError, match=told):
        segment(folder, frames=FrameRange(**range_))


def test_a_complete_run_has_nothing_left(segment, folder):
    first = segment(folder)
    before = {p: p.stat().st_mtime_ns for p in first.out.rglob("*")}
    again = segment(folder, resume=True)
    assert again.computed == 0
    assert {p: p.stat().st_mtime_ns for p in first.out.rglob("*")} == before


def test_resuming_an_empty_folder_starts(segment, folder, tmp_path):
    (tmp_path / "out").mkdir()
    assert segment(folder, resume=True).computed == FRAMES


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"config": PropagationConfig(short_side=0, topk=3)}, "propagation"),
        ({"masks": picture(1)[1]}, "masks"),
        ({"frames": FrameRange(end=6)}, "frames"),
        ({"outputs": OutputOptions(soft="npz")}, "outputs"),
    ],
)
def test_resuming_with_other_settings_is_refused(segment, folder, changed, told):
    with pytest.raises(KeyboardInterrupt):
        segment(folder, on_frame=stop_after(3))
    with pytest.raises(InputError, match=f"its settings differ \\({told}: ") as raised:
        segment(folder, resume=True, **changed)
    assert "--overwrite" in str(raised.value)
    assert segment(folder, resume=True).frames == FRAMES


def test_another_run_is_refused_or_replaced(segment, folder, mask):
    options = OutputOptions(soft="npz")
    out = segment(folder, outputs=options).out
    (out / "notes.txt").write_text("mine")
    (out / "masks" / "stray.png").write_bytes(b"")
    with pytest.raises(InputError, match="holds another run; go on with it"):
        segment(folder)
    with pytest.raises(InputError, match="exclude each other"):
        segment(folder, resume=True, overwrite=True)
    segment(folder, overwrite=True)
    assert names(out) == ["masks", "notes.txt", "overlay.mp4", "run.json"]
    assert "stray.png" not in names(out / "masks")


@pytest.mark.parametrize("name", ["masks", "soft", "alpha", "overlay.mp4", "rle.json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_are_not_a_runs_are_never_removed(segment, folder, tmp_path, name, overwrite):
    mine = tmp_path / "out" / name
    if "." in name:
        mine.parent.mkdir()
        mine.write_text("mine")
    else:
        mine.mkdir(parents=True)
        (mine / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=f"holds {name} but no run.json"):
        segment(folder, overwrite=overwrite)
    kept = mine / "mine.txt" if mine.is_dir() else mine
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "something else"}'])
def test_a_strange_record_is_left_alone(segment, folder, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text(content)
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(InputError, match="give another folder"):
            segment(folder, **options)
    assert (tmp_path / "out" / "run.json").read_text() == content


@pytest.mark.parametrize("below", ["file", "file/deeper"])
def test_an_output_below_a_file(segment, folder, tmp_path, below):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        segment(folder, out=below)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_that_is_not_writable(segment, folder, tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written to"):
        segment(folder)


def test_a_folder_in_use_is_refused_before_the_weights_are_loaded(segment, folder):
    segment(folder)
    with pytest.raises(InputError, match="holds another run"):
        segment(folder, backbone=lambda: pytest.fail("loaded"))


def test_a_run_that_failed_before_its_first_mask_is_replaced(segment, folder, mask):
    with pytest.raises(InputError, match="its frame is"):
        segment(folder, mask[:32])
    assert segment(folder).frames == FRAMES


def test_half_written_files_of_a_killed_run_are_removed(segment, folder, tmp_path):
    out = segment(folder).out
    (out / ".overlay.0a1b2c3d.part.mp4").write_bytes(b"half")
    (out / ".notes.part").write_text("mine")
    segment(folder, overwrite=True)
    assert names(out) == [".notes.part", "masks", "overlay.mp4", "run.json"]
