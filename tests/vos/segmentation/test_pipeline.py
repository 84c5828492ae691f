"""The loop of a run: stopped, resumed, ended by a broken source."""

import contextlib
import shutil
import time
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import vos.segmentation.pipeline
from tests.data.clips import (
    FRAMES,
    assert_same_masks,
    masks_of,
    names,
    picture,
    record_of,
    stop_after,
    write_picture,
)
from vos.errors import InputError
from vos.propagation.snapshot import load_snapshot
from vos.segmentation.options import OutputOptions
from vos.segmentation.passes import frame_features
from vos.segmentation.run_folder import STATE
from vos.segmentation.run_record import StageSeconds
from vos.segmentation.sinks.pictures import OverlayVideo
from vos.segmentation.sinks.result import Result
from vos.video.frames import Frame
from vos.video.images import list_images
from vos.video.reader import open_frames


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


def pages_of(folder, path):
    """Write a folder's frames as a TIFF of several pages or as a zip file."""
    files = list_images(folder)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, file.name)
    else:
        first, *others = map(Image.open, files)
        first.save(path, save_all=True, append_images=others)
    return path


@pytest.mark.parametrize("name", ["clip.tif", "clip.zip"])
def test_frames_in_one_file_give_the_masks_of_the_folder(segment, folder, tmp_path, name):
    source = pages_of(folder, tmp_path / name)
    whole = segment(folder, out="whole").out
    with pytest.raises(KeyboardInterrupt):
        segment(source, on_frame=stop_after(3))
    assert segment(source, resume=True).computed == FRAMES - 3
    ours = [path.read_bytes() for path in list_images(tmp_path / "out" / "masks")]
    assert ours == [path.read_bytes() for path in list_images(whole / "masks")]
    source.write_bytes(source.read_bytes() + b" ")
    with pytest.raises(InputError, match="another one now"):
        segment(source, resume=True)


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


def test_a_lost_mask_of_the_finished_part_is_told(segment, folder, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        segment(folder, on_frame=stop_after(4))
    (tmp_path / "out" / "masks" / "frame6.png").unlink()
    with pytest.raises(InputError, match=r"frame6\.png"):
        segment(folder, resume=True)


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


class LiveReader:
    """A live source, as far as batches go."""

    is_live = True

    def __init__(self, frames):
        self.frames = iter(frames)
        self.taken = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.taken += 1
        return next(self.frames)


@pytest.mark.parametrize(("is_live", "size"), [(True, 1), (False, 4)])
def test_a_live_source_is_not_held_back_for_a_batch(monkeypatch, is_live, size):
    frames = [Frame(f"{n:05d}", n, None, picture(n)[0]) for n in range(8)]
    reader = LiveReader(frames)
    reader.is_live = is_live
    tracker = SimpleNamespace(
        backbone=SimpleNamespace(device=torch.device("cuda")),
        features=lambda images: [torch.zeros(1)] * len(images),
    )
    monkeypatch.setattr(frame_features, "synchronize", lambda device: None)
    pairs = frame_features.frames_with_features(
        reader, tracker, StageSeconds(), lambda *_: True, in_batches=not is_live
    )
    assert [reader.taken for _ in pairs][:4] == ([1, 2, 3, 4] if size == 1 else [4] * 4)


def test_the_overlay_holds_the_picture_where_frames_were_dropped():
    written = []
    writer = SimpleNamespace(write=lambda image, **_: written.append(int(image[0, 0, 0])))
    sink = OverlayVideo(writer, show_ids=False, hold_stride=2)
    for index in (0, 6, 8):
        image = np.full((8, 8, 3), index, np.uint8)
        sink.write(Result(Frame("x", index, None, image), np.zeros((8, 8), np.uint8), None, ()))
    assert written == [0, 0, 0, 6, 8]
