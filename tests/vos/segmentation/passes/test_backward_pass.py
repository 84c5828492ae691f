"""Both directions: a mask on any frame segments the whole video, as a run played backward does."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.data.clips import (
    CONFIG,
    FRAMES,
    QUIET,
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
from vos.masks.soft_labels import read_soft_npz
from vos.segmentation.options import OutputOptions, PassOptions, PromptRules
from vos.segmentation.segment import segment_video
from vos.video.frame_range import FrameRange
from vos.video.reader import open_frames
from vos.video.writer import VideoWriter

ROOT = Path(__file__).resolve().parents[4]
BOTH, FORWARD = PassOptions("both"), PassOptions("forward")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("frames")
    for number in range(FRAMES):
        write_picture(root / f"{number:05d}.png", picture(number)[0])
    return root


@pytest.fixture(scope="module")
def played_back(tmp_path_factory):
    """The same pictures in the opposite order."""
    root = tmp_path_factory.mktemp("back")
    for number in range(FRAMES):
        write_picture(root / f"{FRAMES - 1 - number:05d}.png", picture(number)[0])
    return root


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    with VideoWriter(path, Fraction(25), crf=5) as writer:
        for number in range(FRAMES):
            writer.write(picture(number)[0])
    return path


@pytest.fixture
def segment(backbone, tmp_path):
    def run(source, masks, out="out", **options):
        options.setdefault("outputs", QUIET)
        options.setdefault("config", CONFIG)
        options.setdefault("backbone", backbone)
        return segment_video(source, masks, tmp_path / out, **options)

    return run


def only(number, *objects):
    """The true mask of a frame, of some objects alone."""
    ids = picture(number)[1]
    return np.where(np.isin(ids, objects), ids, 0).astype(np.uint8)


def mirrored(prompts):
    return {FRAMES - 1 - index: mask for index, mask in prompts.items()}


def assert_mirrored(ahead, back):
    ahead, back = masks_of(ahead), masks_of(back)
    assert len(ahead) == len(back) == FRAMES
    for number in range(FRAMES):
        one, other = ahead[f"{number:05d}"], back[f"{FRAMES - 1 - number:05d}"]
        assert np.array_equal(one, other), number


@pytest.mark.parametrize("mode", ["protocol", "adaptive"])
def test_a_clip_played_backward_gives_the_masks_of_the_forward_run(
    segment, folder, played_back, mode
):
    config = replace(CONFIG, mode=mode)
    prompts = {0: picture(0)[1]}
    ahead = segment(folder, prompts, out="ahead", config=config).out
    back = segment(played_back, mirrored(prompts), out="back", config=config).out
    assert_mirrored(ahead, back)
    assert record_of(back)["settings"]["direction"] == "both"
    assert record_of(ahead)["settings"]["direction"] == "forward"


def test_void_in_the_only_mask_is_as_in_the_forward_run(segment, folder, played_back):
    mask = picture(0)[1]
    mask[4:36, 4:12] = 255
    rules = PromptRules(trust_mask=True)
    assert_mirrored(
        segment(folder, {0: mask}, out="ahead", rules=rules).out,
        segment(played_back, mirrored({0: mask}), out="back", rules=rules).out,
    )


@pytest.mark.parametrize("mode", ["protocol", "adaptive"])
def test_masks_on_several_frames_are_merged_alike_both_ways(segment, folder, played_back, mode):
    config = replace(CONFIG, mode=mode)
    prompts = {1: only(1, 3), 3: picture(3)[1], 6: only(6, 9)}
    outputs = OutputOptions(overlay=False, soft="npz")
    ahead = segment(folder, prompts, out="ahead", outputs=outputs, config=config).out
    back = segment(played_back, mirrored(prompts), out="back", outputs=outputs, config=config).out
    assert_mirrored(ahead, back)


def test_a_mask_in_the_middle_segments_the_whole_video(segment, folder, video):
    for source, out in ((folder, "folder"), (video, "video")):
        found = masks_of(segment(source, {4: picture(4)[1]}, out=out).out)
        for number in range(FRAMES):
            for object_id in (3, 9):
                truth = picture(number)[1]
                assert iou(found[f"{number:05d}"], truth, object_id) > 0.6, (out, number)


def test_a_mask_on_the_first_frame_alone_is_as_before(segment, folder):
    one = segment(folder, picture(0)[1], out="one")
    assert_same_masks(one.out, segment(folder, picture(0)[1], out="two", passes=FORWARD).out)
    assert_same_masks(one.out, segment(folder, picture(0)[1], out="both", passes=BOTH).out)
    assert not (one.out / ".passes").exists()


def test_an_object_of_one_mask_comes_from_its_own_pass(segment, folder):
    """Object 3 is given first and object 9 later; between them each pass knows one of them."""
    prompts = {1: only(1, 3), 6: only(6, 9)}
    found = masks_of(segment(folder, prompts).out)
    alone = {
        3: masks_of(segment(folder, {1: only(1, 3)}, out="three", passes=FORWARD).out),
        9: masks_of(segment(folder, {6: only(6, 9)}, out="nine").out),
    }
    for number in range(2, 6):
        name = f"{number:05d}"
        for object_id in (3, 9):
            assert iou(found[name], alone[object_id][name], object_id) > 0.9
    for number in (0, 7):
        assert set(np.unique(found[f"{number:05d}"])) == {0, 3, 9}


def test_soft_labels_overlay_and_codes_come_in_the_frames_order(segment, video):
    outputs = OutputOptions(soft="npz", rle="coco", alpha="png")
    result = segment(video, {2: picture(2)[1], 5: picture(5)[1]}, outputs=outputs)
    expected = [f"{number:05d}" for number in range(FRAMES)]
    assert list(masks_of(result.out)) == expected
    assert names(result.out / "soft") == [f"{name}.npz" for name in expected]
    assert names(result.out / "alpha") == [f"{name}.png" for name in expected]
    for name, mask in masks_of(result.out).items():
        labels, objects = read_soft_npz(result.out / "soft" / f"{name}.npz")
        assert objects == (3, 9)
        assert np.allclose(labels.sum(0), 1, atol=2e-3)
        assert (mask > 0).any()
    with open_frames(result.out / "overlay.mp4") as overlay:
        assert len(list(overlay)) == FRAMES
    assert result.frames == result.computed == FRAMES
    assert result.objects == (3, 9)
    assert names(result.out) == [
        "alpha", "masks", "overlay.mp4", "rle.json", "run.json", "soft"
    ]  # fmt: skip


def test_a_part_of_the_frames_at_another_size(segment, video):
    frames = FrameRange(start=1, end=8, stride=2, max_size=72)
    result = segment(video, {5: picture(5)[1]}, frames=frames)
    found = masks_of(result.out)
    assert list(found) == ["00001", "00003", "00005", "00007"]
    assert all(mask.shape == (48, 72) and set(np.unique(mask)) == {0, 3, 9}
               for mask in found.values())  # fmt: skip


def test_progress_counts_the_frames_of_both_passes(segment, folder):
    counted, begun = [], []
    segment(
        folder,
        {4: picture(4)[1]},
        on_frame=lambda done, total: counted.append((done, total)),
        on_pass=lambda name: begun.append((name, len(counted))),
    )
    assert counted == [(number, FRAMES + 5) for number in range(1, FRAMES + 6)]
    assert begun == [("backward", 0), ("forward", 5)]


@pytest.mark.parametrize("kind", ["folder", "video"])
@pytest.mark.parametrize("stop", [1, 4, 6, 7, 9, 13])
def test_a_run_stopped_in_either_pass_goes_on_to_the_same_masks(segment, request, kind, stop):
    source = request.getfixturevalue(kind)
    prompts = {2: only(2, 3), 5: picture(5)[1]}
    whole = segment(source, prompts, out="whole").out
    with pytest.raises(KeyboardInterrupt):
        segment(source, prompts, on_frame=stop_after(stop))
    out = whole.with_name("out")
    assert record_of(out)["state"] == "stopped"
    assert record_of(out)["results"]["frames"] == max(0, stop - 6)
    with pytest.raises(InputError, match="holds another run"):
        segment(source, prompts)
    result = segment(source, prompts, resume=True)
    assert (result.frames, result.computed) == (FRAMES, FRAMES - max(0, stop - 6))
    assert_same_masks(whole, out)
    assert names(out) == names(whole)


@pytest.mark.parametrize("mode", ["protocol", "adaptive"])
def test_a_stop_in_each_pass_in_turn(segment, folder, mode):
    config = replace(CONFIG, mode=mode)
    prompts = {2: only(2, 3), 5: picture(5)[1]}
    whole = segment(folder, prompts, out="whole", config=config).out
    for stop in (3, 5, 8, 11):
        with pytest.raises(KeyboardInterrupt):
            segment(folder, prompts, resume=stop > 3, on_frame=stop_after(stop), config=config)
    segment(folder, prompts, resume=True, config=config)
    assert_same_masks(whole, whole.with_name("out"))


def test_a_run_killed_in_either_pass_goes_on_to_the_same_masks(folder, segment, tmp_path):
    """Killed outright, with the state of an earlier frame and later labels on disk."""
    prompts = {2: only(2, 3), 6: picture(6)[1]}
    whole = segment(folder, prompts, out="whole").out
    for number, mask in prompts.items():
        np.save(tmp_path / f"{number}.npy", mask)
    code = f"""
import os, signal, sys, numpy as np
import vos.segmentation.passes.backward_pass, vos.segmentation.pipeline
from tests.data.clips import CONFIG, QUIET, Colours
from vos.segmentation.segment import segment_video
vos.segmentation.pipeline._SAVE_SECONDS = 0.0
vos.segmentation.passes.backward_pass._SAVE_SECONDS = 0.0

def on_frame(done, total):
    if done == int(sys.argv[1]) - 2:
        vos.segmentation.passes.backward_pass._SAVE_SECONDS = 1e9
    if done == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

masks = {{n: np.load({str(tmp_path)!r} + f"/{{n}}.npy") for n in (2, 6)}}
segment_video({str(folder)!r}, masks, sys.argv[2], backbone=Colours(), config=CONFIG,
              outputs=QUIET, on_frame=on_frame)
"""
    for stop in (5, 11):
        out = tmp_path / f"killed{stop}"
        command = [sys.executable, "-c", code, str(stop), str(out)]
        done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        assert record_of(out)["state"] == "running"
        assert (out / ".passes" / "complete.json").exists() == (stop == 11)
        segment(folder, prompts, out=out.name, resume=True)
        assert_same_masks(whole, out)
        assert not (out / ".passes").exists()


LONG = """
import sys, resource
import numpy as np
from tests.data.clips import CONFIG, QUIET, Colours, picture
from vos.segmentation.segment import segment_video
from vos.video.writer import VideoWriter

folder, count = sys.argv[1], int(sys.argv[2])
with VideoWriter(f"{folder}/clip.mp4", 25) as writer:
    for number in range(count):
        writer.write(picture(4 - abs(number % 8 - 4))[0])
peaks = []

def on_frame(done, total):
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

segment_video(
    f"{folder}/clip.mp4", {count - 1: picture(4 - abs((count - 1) % 8 - 4))[1]}, f"{folder}/out",
    backbone=Colours(), config=CONFIG, outputs=QUIET, on_frame=on_frame,
)
print(peaks[29], peaks[-1], len(peaks))
"""


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_memory_is_flat_over_2000_frames_of_both_passes(tmp_path):
    command = [sys.executable, "-c", LONG, str(tmp_path), "2000"]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    early, late, count = map(float, done.stdout.split())
    assert count == 4000
    assert late < early + 64


def test_lost_labels_are_said(segment, folder, tmp_path):
    prompts = {5: picture(5)[1]}
    with pytest.raises(KeyboardInterrupt):
        segment(folder, prompts, on_frame=stop_after(7))
    (tmp_path / "out" / ".passes" / "00003.npz").unlink()
    with pytest.raises(InputError, match="labels of the backward pass for frame 3"):
        segment(folder, prompts, resume=True)


def test_a_run_of_an_older_version_goes_on_forward(segment, folder, tmp_path):
    """It has no direction in its record, and empty masks before its first prompt."""
    prompts = {3: picture(3)[1]}
    whole = segment(folder, prompts, out="whole", passes=FORWARD).out
    with pytest.raises(KeyboardInterrupt):
        segment(folder, prompts, passes=FORWARD, on_frame=stop_after(5))
    record = record_of(tmp_path / "out")
    del record["settings"]["direction"]
    (tmp_path / "out" / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="direction: forward before, both now"):
        segment(folder, prompts, resume=True, passes=BOTH)
    result = segment(folder, prompts, resume=True)
    assert_same_masks(whole, result.out)
    assert not masks_of(result.out)["00002"].any()


def test_a_source_that_changed_between_the_passes_is_refused(segment, folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with pytest.raises(KeyboardInterrupt):
        segment(copy, {5: picture(5)[1]}, on_frame=stop_after(3))
    write_picture(copy / "00004.png", picture(0)[0])
    with pytest.raises(InputError, match="source has changed"):
        segment(copy, {5: picture(5)[1]}, resume=True)


def test_a_mask_beyond_the_end_of_a_video(segment, video):
    with pytest.raises(InputError, match=r"masks were given for frames \[20\]"):
        segment(video, {3: picture(3)[1], 20: picture(3)[1]})


def test_an_overwritten_run_leaves_no_labels_of_the_former(segment, folder):
    with pytest.raises(KeyboardInterrupt):
        segment(folder, {5: picture(5)[1]}, on_frame=stop_after(3))
    result = segment(folder, picture(0)[1], overwrite=True)
    assert names(result.out) == ["masks", "run.json"]
    assert_same_masks(result.out, segment(folder, picture(0)[1], out="new").out)
