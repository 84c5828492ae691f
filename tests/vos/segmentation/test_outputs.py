"""What a run writes beside its masks, and how it stops writing."""

import json
import shutil
import subprocess
import threading

import cv2
import numpy as np
import pytest

from tests.data.clips import (
    FRAMES,
    HEIGHT,
    WIDTH,
    assert_same_masks,
    masks_of,
    names,
    picture,
)
from vos.masks.rle import masks_from_coco, masks_from_youtube_vos
from vos.masks.soft_labels import read_soft_npz, read_soft_png
from vos.segmentation.options import OutputOptions
from vos.segmentation.outputs import Outputs
from vos.video.images import read_image
from vos.video.reader import open_frames


def test_overlay_rate_and_ids_on_request(segment, folder):
    options = OutputOptions(overlay_fps=10, show_ids=True)
    result = segment(folder, outputs=options)
    with open_frames(result.out / "overlay.mp4") as overlay:
        assert overlay.fps == 10


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
