"""The main job from end to end on small made clips: every output, resuming, wrong input."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import threading
import time
from fractions import Fraction

import cv2
import numpy as np
import pytest

import vos.segmentation.pipeline
from tests.data.clips import (
    CONFIG,
    FRAMES,
    HEIGHT,
    WIDTH,
    Colours,
    assert_same_masks,
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
from vos.masks.rle import masks_from_coco, masks_from_youtube_vos
from vos.masks.soft_labels import read_soft_npz, read_soft_png
from vos.propagation.config import PropagationConfig
from vos.propagation.snapshot import load_snapshot
from vos.segmentation.options import OutputOptions, PromptRules
from vos.segmentation.outputs import Outputs
from vos.segmentation.run_folder import STATE
from vos.segmentation.segment import segment_video
from vos.video.frame_range import FrameRange
from vos.video.images import read_image
from vos.video.reader import open_frames
from vos.video.writer import VideoWriter


@pytest.fixture(scope="module")
def backbone():
    return Colours()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight frames as PNG files, named out of alphabetical order."""
    root = tmp_path_factory.mktemp("frames")
    for number in range(FRAMES):
        write_picture(root / f"frame{number + 5}.png", picture(number)[0])
    return root


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    with VideoWriter(path, Fraction(30000, 1001), crf=5) as writer:
        for number in range(FRAMES):
            writer.write(picture(number)[0])
    return path


@pytest.fixture(scope="module")
def mask():
    return picture(0)[1]


@pytest.fixture
def segment(backbone, mask, tmp_path):
    """Run the main job with the test's backbone; by default into `out`, from the first mask."""

    def run(source, masks=None, out="out", **options):
        options.setdefault("config", CONFIG)
        options.setdefault("backbone", backbone)
        given = mask if masks is None else masks
        return segment_video(source, given, tmp_path / out, **options)

    return run


# --- outputs


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


def test_the_record_says_what_was_done(segment, folder):
    result = segment(folder)
    record = record_of(result.out)
    assert record["state"] == "complete"
    assert record["settings"]["propagation"]["topk"] == 5
    assert record["settings"]["backbone"]["name"] == "colours"
    assert record["settings"]["backbone"]["precision"] == "fp32"
    assert record["settings"]["masks"]["0"]["form"] == "array"
    assert record["settings"]["outputs"]["overlay"] is True
    assert {"python", "vos-toolkit", "torch", "timm", "numpy", "av"} <= set(record["versions"])
    results = record["results"]
    assert results["frames"] == results["frames_computed"] == FRAMES
    assert results["objects"] == [3, 9]
    assert {"decode_wait", "features", "propagation", "writing"} <= set(results["seconds"])
    assert all(seconds >= 0 for seconds in results["seconds"].values())
    assert results["frames_per_second"] > 0
    assert results["peak_memory_mib"] > 10


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


def test_overlay_rate_and_ids_on_request(segment, folder):
    options = OutputOptions(overlay_fps=10, show_ids=True)
    result = segment(folder, outputs=options)
    with open_frames(result.out / "overlay.mp4") as overlay:
        assert overlay.fps == 10


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_overlay_rates_that_are_none(rate):
    with pytest.raises(InputError, match="overlay fps"):
        OutputOptions(overlay_fps=rate)


def test_soft_labels_as_npz(segment, folder, mask):
    result = segment(folder, outputs=OutputOptions(overlay=False, soft="npz"))
    assert names(result.out) == ["masks", "run.json", "soft"]
    assert len(names(result.out / "soft")) == FRAMES
    labels, objects = read_soft_npz(result.out / "soft" / "frame5.npz")
    assert objects == (3, 9)
    assert labels.shape == (3, HEIGHT, WIDTH)
    assert labels[1][mask == 3].mean() > 0.8
    assert labels[1][mask == 0].mean() < 0.1
    labels, _ = read_soft_npz(result.out / "soft" / "frame12.npz")
    assert np.allclose(labels.sum(0), 1, atol=0.01)


def test_soft_labels_as_png(segment, folder):
    result = segment(folder, outputs=OutputOptions(overlay=False, soft="png"))
    assert names(result.out / "soft") == ["003", "009"]
    assert len(names(result.out / "soft" / "009")) == FRAMES
    label = read_soft_png(result.out / "soft" / "009" / "frame8.png")
    assert label.shape == (HEIGHT, WIDTH)
    assert 0.5 < label.max() <= 1


@pytest.mark.parametrize(
    ("form", "read"), [("youtube-vos", masks_from_youtube_vos), ("coco", masks_from_coco)]
)
def test_run_length_codes_are_the_masks(segment, folder, form, read):
    result = segment(folder, outputs=OutputOptions(overlay=False, rle=form))
    decoded = read(json.loads((result.out / "rle.json").read_text()))
    for name, ids in masks_of(result.out).items():
        assert np.array_equal(decoded[name], ids)


def test_cut_outs_as_png_and_as_video(segment, folder):
    result = segment(folder, out="png", outputs=OutputOptions(overlay=False, alpha="png"))
    cut = cv2.imread(str(result.out / "alpha" / "frame7.png"), cv2.IMREAD_UNCHANGED)
    ids = masks_of(result.out)["frame7"]
    assert np.array_equal(cut[..., 3] == 255, ids > 0)
    assert np.array_equal(cut[..., 2::-1][ids > 0], picture(2)[0][ids > 0])
    result = segment(folder, out="video", outputs=OutputOptions(overlay=False, alpha="video"))
    assert names(result.out) == ["alpha.mov", "masks", "run.json"]
    with open_frames(result.out / "alpha.mov") as film:
        assert len(list(film)) == FRAMES


def test_one_frame_is_a_video_too(segment, tmp_path, mask):
    write_picture(tmp_path / "one.png", picture(0)[0])
    result = segment(tmp_path / "one.png")
    assert np.array_equal(masks_of(result.out)["one"], mask)
    with open_frames(result.out / "overlay.mp4") as overlay:
        assert len(list(overlay)) == 1


# --- prompts


def test_masks_on_several_frames_and_files(segment, folder, tmp_path):
    write_mask(tmp_path / "first.png", np.where(picture(2)[1] == 3, 3, 0).astype(np.uint8))
    np.save(tmp_path / "later.npy", np.where(picture(5)[1] == 9, 9, 0))
    result = segment(folder, {2: tmp_path / "first.png", 5: tmp_path / "later.npy"})
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


# --- stopping and going on


@pytest.mark.parametrize("stop", [1, 3, 7])
@pytest.mark.parametrize("kind", ["folder", "video"])
def test_a_stopped_run_goes_on_to_the_same_result(segment, request, kind, stop):
    source = request.getfixturevalue(kind)
    first = picture(0)[1]
    prompts = {0: np.where(first == 3, 3, 0).astype(np.uint8), 2: picture(2)[1]}
    options = OutputOptions(rle="coco", soft="npz", alpha="png")
    whole = segment(source, prompts, out="whole", outputs=options).out
    with pytest.raises(KeyboardInterrupt):
        segment(source, prompts, outputs=options, on_frame=stop_after(stop))
    out = whole.with_name("out")
    record = record_of(out)
    assert (record["state"], record["results"]["frames"]) == ("stopped", stop)
    assert len(masks_of(out)) == stop
    assert (out / "state.safetensors").exists()
    with open_frames(out / "overlay.mp4") as overlay:
        assert len(list(overlay)) == stop
    result = segment(source, prompts, outputs=options, resume=True)
    assert (result.frames, result.computed) == (FRAMES, FRAMES - stop)
    assert_same_masks(whole, out)
    assert names(out) == names(whole)
    for part in ("soft", "alpha"):
        assert names(out / part) == names(whole / part)
    assert (out / "rle.json").read_bytes() == (whole / "rle.json").read_bytes()
    with open_frames(out / "overlay.mp4") as ours, open_frames(whole / "overlay.mp4") as theirs:
        pairs = [(a.image.astype(int), b.image) for a, b in zip(ours, theirs, strict=True)]
    assert len(pairs) == FRAMES
    # The encoder's threads may choose otherwise on a busy machine; the pictures are the same.
    assert max(np.abs(one - two).mean() for one, two in pairs) < 3
    assert record_of(out)["state"] == "complete"


def test_a_run_stopped_before_its_first_mask_goes_on(segment, folder, mask):
    prompts = {4: picture(4)[1]}
    whole = segment(folder, prompts, out="whole").out
    with pytest.raises(KeyboardInterrupt):
        segment(folder, prompts, on_frame=stop_after(2))
    result = segment(folder, prompts, resume=True)
    assert result.frames == FRAMES
    assert_same_masks(whole, result.out)


def test_stopping_twice(segment, folder):
    whole = segment(folder, out="whole").out
    for stop in (2, 5):
        with pytest.raises(KeyboardInterrupt):
            segment(folder, resume=stop == 5, on_frame=stop_after(stop))
    assert segment(folder, resume=True).computed == 3
    assert_same_masks(whole, whole.with_name("out"))


def wait_for_state(out, number):
    """Wait until the writing thread has saved the state after a step, and so all before it."""
    for _ in range(1000):
        with contextlib.suppress(InputError):
            if load_snapshot(out / STATE).number == number:
                return
        time.sleep(0.01)
    raise AssertionError(f"the state after step {number} was not saved")


def test_a_state_saved_on_the_way_is_enough(segment, folder, monkeypatch, tmp_path):
    """As after a kill: the state of an earlier frame, later masks there, no closing record."""
    monkeypatch.setattr(vos.segmentation.pipeline, "_SAVE_SECONDS", 0.0)
    whole = segment(folder, out="whole").out
    out = tmp_path / "out"

    def kill(done, _total):
        if done == 6:
            wait_for_state(out, 5)
            shutil.copytree(out, tmp_path / "killed")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment(folder, on_frame=kill)
    killed = tmp_path / "killed"
    assert record_of(killed)["state"] == "running"
    (killed / "masks" / ".frame9.0123.part.png").write_bytes(b"half")
    (killed / ".overlay.0123.part.mp4").write_bytes(b"half")
    result = segment(folder, out="killed", resume=True)
    assert result.frames == FRAMES
    assert_same_masks(whole, killed)
    assert names(killed) == names(whole)


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


def test_a_lost_mask_of_the_finished_part_is_told(segment, folder, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        segment(folder, on_frame=stop_after(4))
    (tmp_path / "out" / "masks" / "frame6.png").unlink()
    with pytest.raises(InputError, match=r"frame6\.png"):
        segment(folder, resume=True)


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
    assert mine.exists()
    assert not list(mine.glob("*")) or (mine / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "something else"}'])
def test_a_strange_record_is_left_alone(segment, folder, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text(content)
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(InputError, match="give another folder"):
            segment(folder, **options)
    assert (tmp_path / "out" / "run.json").read_text() == content


# --- damage on the way


def test_an_unreadable_picture_leaves_whole_masks_before_it(segment, folder, tmp_path):
    frames = shutil.copytree(folder, tmp_path / "frames")
    data = (frames / "frame9.png").read_bytes()
    (frames / "frame9.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"frame9\.png: cut off"):
        segment(frames)
    out = tmp_path / "out"
    assert sorted(masks_of(out)) == [f"frame{n}" for n in range(5, 9)]
    assert "overlay.mp4" not in names(out)
    record = record_of(out)
    assert (record["state"], record["results"]["frames"]) == ("failed", 4)
    (frames / "frame9.png").write_bytes(data)
    assert segment(frames, resume=True).computed == 4
    whole = segment(folder, out="whole").out
    assert_same_masks(out, whole)
    assert names(out) == names(whole)


def test_a_picture_of_another_size_is_told(segment, folder, tmp_path):
    frames = shutil.copytree(folder, tmp_path / "frames")
    write_picture(frames / "frame8.png", picture(3)[0][:32])
    with pytest.raises(InputError, match="96x32 pixels, the frames before it 96x64"):
        segment(frames)
    assert len(masks_of(tmp_path / "out")) == 3


def test_a_video_that_is_cut_off(segment, video, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"cut\.mp4"):
        segment(cut)


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


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of a few pages; only root can mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    mounted = shutil.which("mount") and subprocess.run(command, check=False, capture_output=True)
    if not mounted or mounted.returncode:
        pytest.skip("no right to mount a tiny tmpfs here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_leaves_whole_masks(segment, folder, tiny_disk, tmp_path):
    options = OutputOptions(overlay=False, alpha="png")
    with pytest.raises(OSError, match="No space left"):
        segment(folder, out="disk/out", outputs=options)
    out = tiny_disk / "out"
    whole = segment(folder, out="whole", outputs=options).out
    found = masks_of(out)
    assert 0 < len(found) < FRAMES
    for name, ids in found.items():
        assert np.array_equal(ids, masks_of(whole)[name])
    assert not list(out.rglob("*.part*"))
    for path in (out / "alpha").iterdir():
        assert read_image(path).shape == (HEIGHT, WIDTH, 3)


def test_a_disk_that_fills_under_the_overlay(segment, folder, tiny_disk):
    filler = tiny_disk / "filler"
    filler.write_bytes(bytes(40_000))
    with pytest.raises(OSError, match="No space left"):
        segment(folder, out="disk/out")
    assert not (tiny_disk / "out" / "overlay.mp4").exists()
    filler.unlink()


def test_a_complete_run_tells_its_frames_and_objects_again(segment, folder):
    first, again = segment(folder), segment(folder, resume=True)
    assert (again.frames, again.objects) == (first.frames, first.objects) == (FRAMES, (3, 9))


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


def test_only_the_settings_that_differ_are_told(segment, folder):
    with pytest.raises(KeyboardInterrupt):
        segment(folder, on_frame=stop_after(2))
    with pytest.raises(InputError) as raised:
        segment(folder, config=dataclasses.replace(CONFIG, topk=3), resume=True)
    assert "propagation: {'topk': 5} before, {'topk': 3} now" in str(raised.value)


class Slow:
    """A sink that holds the writing thread until told."""

    def __init__(self):
        self.go = threading.Event()

    def write(self, _result):
        self.go.wait(10)


@pytest.mark.parametrize("where", ["put", "join"])
def test_a_stop_while_results_wait_to_be_written(segment, folder, monkeypatch, where):
    """Ctrl-C in a wait for the writer; what is on disk is what a resumed run goes on from."""
    whole = segment(folder, out="whole", outputs=OutputOptions(rle="coco")).out
    stopped = []
    real = Outputs.write

    def interrupted(self, result, then=None):
        if len(self._names) == 4:
            if where == "put":
                monkeypatch.setattr(self._writing, "put", stop_once(self._writing.put, stopped))
            else:
                thread = self._writing._thread
                monkeypatch.setattr(thread, "join", stop_once(thread.join, stopped))
                self._sinks.insert(0, Slow())
                real(self, result, then)
                raise KeyboardInterrupt
        real(self, result, then)

    monkeypatch.setattr(Outputs, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        segment(folder, outputs=OutputOptions(rle="coco"))
    assert stopped == [True]
    monkeypatch.undo()
    out = whole.with_name("out")
    assert not list(out.glob(".*.part*"))
    segment(folder, outputs=OutputOptions(rle="coco"), resume=True)
    assert_same_masks(whole, out)


def stop_once(real, stopped):
    """Let the first call be stopped by Ctrl-C."""

    def call(*args):
        if not stopped:
            stopped.append(True)
            raise KeyboardInterrupt
        return real(*args)

    return call
