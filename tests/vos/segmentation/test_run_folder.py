"""What a run's folder says of the run: records that fail, older and newer ones, other sources."""

import errno
import json
import os
import shutil
from fractions import Fraction

import numpy as np
import pytest
from safetensors import SafetensorError

import vos.segmentation.pipeline
import vos.segmentation.run_record
from tests.data.clips import (
    CONFIG,
    FRAMES,
    QUIET,
    Colours,
    assert_same_masks,
    masks_of,
    picture,
    record_of,
    stop_after,
    write_picture,
)
from vos.errors import InputError
from vos.runtime.folder_lock import LOCK
from vos.segmentation.run_folder import STATE
from vos.segmentation.segment import segment_video
from vos.video.frame_range import FrameRange
from vos.video.writer import VideoWriter


@pytest.fixture(scope="module")
def backbone():
    return Colours()


@pytest.fixture
def frames(tmp_path):
    """Eight frames as PNG files, of this test alone."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(FRAMES):
        write_picture(folder / f"{number:05d}.png", picture(number)[0])
    return folder


@pytest.fixture
def segment(backbone, tmp_path):
    def run(source, out="out", **options):
        options.setdefault("outputs", QUIET)
        first = picture(0)[1]
        return segment_video(
            source, first, tmp_path / out, backbone=backbone, config=CONFIG, **options
        )

    return run


def edit_settings(out, change):
    """Change the settings in a run's record."""
    record = record_of(out)
    change(record["settings"])
    (out / "run.json").write_text(json.dumps(record))


# --- the record at the end


@pytest.fixture
def full_disk_for(monkeypatch):
    """Let records of a state fail to be written, as on a full disk."""

    def start(state):
        write = vos.segmentation.run_record.write_json

        def failing(path, value):
            if value["state"] == state:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            write(path, value)

        monkeypatch.setattr(vos.segmentation.run_record, "write_json", failing)

    return start


@pytest.mark.parametrize("save_seconds", [0.0, 10.0])
def test_a_closing_record_that_cannot_be_written_is_an_error_and_keeps_the_masks(
    segment, frames, full_disk_for, monkeypatch, save_seconds
):
    monkeypatch.setattr(vos.segmentation.pipeline, "_SAVE_SECONDS", save_seconds)
    whole = segment(frames, out="whole").out
    full_disk_for("complete")
    with pytest.raises(OSError, match="No space left"):
        segment(frames)
    out = whole.with_name("out")
    assert record_of(out)["state"] == "running"
    assert (out / STATE).is_file()
    assert_same_masks(out, whole)
    monkeypatch.undo()
    assert segment(frames, resume=True).computed == 0
    assert_same_masks(out, whole)
    assert record_of(out)["state"] == "complete"
    assert not (out / STATE).exists()


def test_an_earlier_error_is_raised_rather_than_the_records(segment, frames, full_disk_for):
    (frames / "00005.png").write_bytes(b"no picture")
    full_disk_for("failed")
    with pytest.raises(InputError, match=r"00005\.png"):
        segment(frames)


def test_a_stop_is_raised_rather_than_the_records_error(segment, frames, full_disk_for):
    full_disk_for("stopped")
    with pytest.raises(KeyboardInterrupt):
        segment(frames, on_frame=stop_after(3))


def test_the_result_carries_the_record(segment, frames):
    first = segment(frames)
    assert first.record.as_json() == record_of(first.out)
    assert first.record.results.frames == FRAMES
    assert first.record.results.wall_seconds > 0
    again = segment(frames, resume=True)
    assert again.record == first.record
    assert (again.computed, again.record.results.frames_computed) == (0, FRAMES)


def test_a_complete_record_without_its_results_is_refused(segment, frames):
    out = segment(frames).out
    record = record_of(out)
    del record["results"]["objects"]
    (out / "run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="not the record of a complete run"):
        segment(frames, resume=True)
    assert len(masks_of(out)) == FRAMES


# --- records of other versions


@pytest.mark.parametrize(
    ("group", "key"),
    [("frames", "max_size"), ("outputs", "alpha"), ("propagation", "stretch_channels")],
)
@pytest.mark.parametrize("stop", [3, None])
def test_a_run_from_before_an_option_goes_on(segment, frames, group, key, stop):
    if stop is None:
        segment(frames)
    else:
        with pytest.raises(KeyboardInterrupt):
            segment(frames, on_frame=stop_after(stop))
    edit_settings(frames.with_name("out"), lambda settings: settings[group].pop(key))
    result = segment(frames, resume=True)
    assert (result.frames, result.computed) == (FRAMES, FRAMES - stop if stop else 0)


def test_a_run_from_before_an_option_had_its_default(segment, frames):
    out = segment(frames, frames=FrameRange(max_size=64)).out
    edit_settings(out, lambda settings: settings["frames"].pop("max_size"))
    with pytest.raises(InputError, match=r"frames: \{'max_size': None\} before, \{'max_size': 64"):
        segment(frames, frames=FrameRange(max_size=64), resume=True)


def test_an_option_of_a_newer_version_is_a_difference(segment, frames):
    out = segment(frames).out
    edit_settings(out, lambda settings: settings["propagation"].update(momentum=0.5))
    with pytest.raises(InputError, match=r"'momentum': 0\.5\} before, \{'momentum': 'not recorded"):
        segment(frames, resume=True)


# --- other contents under the same name


def replace_frame(folder, number):
    write_picture(folder / f"{number:05d}.png", picture(number + 20)[0])


def test_frames_added_after_a_complete_run_are_told(segment, frames, tmp_path):
    segment(frames)
    for number in (8, 9):
        write_picture(frames / f"{number:05d}.png", picture(number)[0])
    with pytest.raises(InputError, match="gives 10 frames now, 8 before") as raised:
        segment(frames, resume=True)
    assert "--overwrite" in str(raised.value)
    assert len(masks_of(tmp_path / "out")) == FRAMES


@pytest.mark.parametrize("stop", [5, None])
def test_a_frame_replaced_after_its_mask_was_made_is_told(segment, frames, stop):
    if stop is None:
        segment(frames)
    else:
        with pytest.raises(KeyboardInterrupt):
            segment(frames, on_frame=stop_after(stop))
    replace_frame(frames, 2)
    with pytest.raises(InputError, match=f"of the {stop or FRAMES} frames done before, some are"):
        segment(frames, resume=True)


def test_a_renamed_frame_is_told(segment, frames):
    segment(frames)
    (frames / "00003.png").rename(frames / "00003b.png")
    with pytest.raises(InputError, match="other pictures now"):
        segment(frames, resume=True)


def test_a_frame_replaced_before_its_mask_was_made_is_used(segment, frames, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        segment(frames, on_frame=stop_after(3))
    replace_frame(frames, 6)
    assert segment(frames, resume=True).computed == FRAMES - 3
    segment(frames, out="whole")
    assert_same_masks(tmp_path / "out", tmp_path / "whole")


def test_frames_outside_of_the_range_do_not_matter(segment, frames):
    range_ = FrameRange(end=5)
    segment(frames, frames=range_)
    replace_frame(frames, 6)
    write_picture(frames / "00009.png", picture(9)[0])
    assert segment(frames, frames=range_, resume=True).computed == 0


def test_a_copied_and_touched_source_is_the_same(segment, frames):
    segment(frames)
    for path in frames.iterdir():
        os.utime(path, (1, 1))
    assert segment(frames, resume=True).computed == 0


def write_clip(path, first):
    with VideoWriter(path, Fraction(24), crf=5) as writer:
        for number in range(first, first + FRAMES):
            writer.write(picture(number)[0])
    return path


def test_another_video_under_the_same_name_is_told(segment, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", 0)
    segment(clip)
    os.utime(clip, (1, 1))
    assert segment(clip, resume=True).computed == 0
    data = bytearray(clip.read_bytes())
    data[len(data) // 2] ^= 255
    clip.write_bytes(data)
    with pytest.raises(InputError, match="the video file is another one now"):
        segment(clip, resume=True)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        segment(write_clip(clip, 0), on_frame=stop_after(3))
    with pytest.raises(InputError, match="the video file is another one now"):
        segment(write_clip(clip, 1), resume=True)


def test_pictures_in_place_of_a_video_are_told(segment, frames, tmp_path):
    source = tmp_path / "source"
    write_clip(tmp_path / "clip.mp4", 0).rename(source)
    segment(source)
    source.unlink()
    frames.rename(source)
    with pytest.raises(InputError, match="pictures now, a video file before"):
        segment(source, resume=True)


@pytest.mark.parametrize(
    "unrecorded", [lambda s: s.pop("fingerprint"), lambda s: s.update(fingerprint=None)]
)
def test_an_older_record_says_nothing_of_contents(segment, frames, unrecorded):
    out = segment(frames).out
    edit_settings(out, unrecorded)
    replace_frame(frames, 2)
    assert segment(frames, resume=True).computed == 0


# --- lists of pictures


def test_a_list_of_pictures_is_a_source(segment, frames, tmp_path):
    chosen = [frames / f"{number:05d}.png" for number in (0, 2, 4)]
    result = segment(chosen)
    assert sorted(masks_of(result.out)) == ["00000", "00002", "00004"]
    strided = segment(frames, out="strided", frames=FrameRange(end=5, stride=2)).out
    for name, ids in masks_of(strided).items():
        assert np.array_equal(masks_of(result.out)[name], ids)
    assert record_of(result.out)["settings"]["source"] == f"{frames} (pictures listed: 3)"
    assert segment([str(path) for path in chosen], resume=True).computed == 0
    with pytest.raises(InputError, match="other pictures now"):
        segment([*chosen[:2], frames / "00005.png"], resume=True)


def test_a_missing_picture_of_a_list_is_told_before_any_work(segment, frames, tmp_path):
    with pytest.raises(InputError, match=r"gone\.png: no such file"):
        segment([frames / "00000.png", frames / "gone.png"])
    assert not (tmp_path / "out").exists()


# --- two runs in one folder


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
@pytest.mark.parametrize("options", [{}, {"resume": True}, {"overwrite": True}])
def test_a_run_keeps_others_out_of_its_folder(segment, frames, options):
    said = []

    def another(done, _total):
        if done == 3:
            with pytest.raises(InputError, match=f"in use by process {os.getpid()}") as refused:
                segment(frames, **options)
            said.append(refused)

    result = segment(frames, on_frame=another)
    assert said and result.frames == FRAMES
    assert sorted(path.name for path in result.out.iterdir()) == ["masks", "run.json"]


def test_a_run_that_was_killed_is_resumed(segment, frames):
    whole = segment(frames, out="whole").out
    with pytest.raises(KeyboardInterrupt):
        segment(frames, on_frame=stop_after(3))
    out = whole.with_name("out")
    (out / LOCK).write_text('{"host": "elsewhere", "pid": 1, "since": "then"}')
    assert segment(frames, resume=True).frames == FRAMES
    assert_same_masks(out, whole)
    assert not (out / LOCK).exists()


def test_a_full_disk_under_the_state_is_an_error_of_the_disk(segment, frames, monkeypatch):
    def full(*_args, **_options):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("vos.propagation.snapshot.save_file", full)
    monkeypatch.setattr(vos.segmentation.pipeline, "_SAVE_SECONDS", 0.0)
    with pytest.raises(OSError, match=r"state.*No space left"):
        segment(frames)
