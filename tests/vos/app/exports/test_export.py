"""Several formats at once: one pass, all files or none, progress, stopping."""

import json
import weakref
import zipfile
from fractions import Fraction

import numpy as np
import pytest

from tests.vos.app.exports.conftest import HEIGHT, WIDTH, Arrays, blobs, ring
from vos.app.exports.export import ExportStoppedError, export, file_of
from vos.app.exports.formats import FORMATS
from vos.errors import InputError
from vos.video.frame_range import FrameRange
from vos.video.reader import open_frames


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_formats_in_one_pass(source, tmp_path):
    counts = []
    files = export(
        list(FORMATS), source, tmp_path, on_frame=lambda done, total: counts.append((done, total))
    )
    assert [file.format for file in files] == list(FORMATS)
    assert names(tmp_path) == sorted(file_of(form, "clip") for form in FORMATS.values())
    assert all(file.path.parent == tmp_path and file.path.stat().st_size for file in files)
    assert counts == [(n, 6) for n in range(1, 7)]
    assert source.frames_read == list(range(6))  # each once


def test_frames_are_not_read_where_no_format_needs_them(source, tmp_path):
    export(["masks", "coco", "youtube-vos", "cvat", "yolo", "labelme"], source, tmp_path)
    assert source.frames_read == []


@pytest.mark.parametrize("at", range(12))
def test_a_stop_leaves_nothing(source, tmp_path, at):
    (tmp_path / "clip-yolo.zip").write_bytes(b"earlier")
    asked = []

    def should_stop():
        asked.append(len(source.frames_read))
        return len(asked) > at

    formats = ["yolo", "masks", "overlay", "measurements", "cvat"]
    with pytest.raises(ExportStoppedError):
        export(formats, source, tmp_path, should_stop=should_stop)
    assert names(tmp_path) == ["clip-yolo.zip"]
    assert (tmp_path / "clip-yolo.zip").read_bytes() == b"earlier"
    assert asked[-1] <= at  # no frame was read after the stop


@pytest.mark.parametrize("form", ["masks", "overlay", "cut-outs-video", "coco", "cvat"])
def test_a_failure_leaves_nothing(source, tmp_path, form):
    source.masks[4] = np.zeros((HEIGHT + 1, WIDTH), np.uint8)
    with pytest.raises(InputError, match=rf"frame 4 is {WIDTH}x{HEIGHT + 1} pixels, expected"):
        export([form, "yolo"], source, tmp_path)
    assert names(tmp_path) == []


def test_frames_of_another_size_are_refused(source, tmp_path):
    source.size = (HEIGHT, WIDTH)
    small = Arrays(source.masks)
    small.frame = lambda n: Arrays.frame(source, n)
    source.size = (HEIGHT // 2, WIDTH)
    with pytest.raises(InputError, match="the masks are not of this video"):
        export(["overlay"], small, tmp_path)


def test_what_cannot_be_exported(source, tmp_path):
    with pytest.raises(InputError, match="no format is called gif; the formats are: masks, over"):
        export(["gif"], source, tmp_path)
    with pytest.raises(InputError, match="no format was given"):
        export([], source, tmp_path)
    for form in ("masks", "overlay", "cut-outs-video"):
        with pytest.raises(InputError, match="no frame has a mask"):
            export([form], Arrays([None, None]), tmp_path)
    source.frame_name = lambda _number: "../x"
    with pytest.raises(InputError, match="which no file can be"):
        export(["masks"], source, tmp_path)
    assert names(tmp_path) == []


def test_a_frame_with_a_mask_has_to_be_readable(tmp_path):
    with pytest.raises(InputError, match="frame 1 is damaged"):
        export(["overlay"], Arrays([ring(), ring()], unreadable=[1]), tmp_path)
    assert names(tmp_path) == []


def test_an_unreadable_frame_without_a_mask_is_left_out_of_the_video(tmp_path):
    source = Arrays([ring(), None, None, ring()], unreadable=[1])
    video, masks = export(["overlay", "masks"], source, tmp_path)
    assert video.losses == ["1 frame without masks cannot be read and left out of the video."]
    assert masks.losses == []
    with open_frames(video.path) as frames:
        assert len(list(frames)) == 3


def test_a_range_of_frames(source, tmp_path):
    frames = FrameRange(1, 5, 3)
    masks, video = export(["masks", "overlay"], source, tmp_path, frames=frames)
    with zipfile.ZipFile(masks.path) as archive:
        assert archive.namelist() == ["masks/00001.png", "masks/00004.png"]
    with open_frames(video.path) as reader:
        assert reader.fps == Fraction(25, 3)
        assert len(list(reader)) == 2


def test_objects_that_the_source_does_not_name(tmp_path):
    source = Arrays([ring()])
    source.objects = {3: ("dog", (1, 2, 3))}
    coco, yolo, cvat = export(["coco", "yolo", "cvat"], source, tmp_path)
    objects = json.loads(coco.path.read_text())["objects"]
    assert [(o["id"], o["name"]) for o in objects] == [(3, "dog"), (1, "object 1")]
    assert cvat.path.read_text().count("<name>object 1</name>") == 1
    with zipfile.ZipFile(yolo.path) as archive:
        assert b'0: "dog"\n  1: "object 1"\n' in archive.read("data.yaml")


def test_masks_and_frames_are_let_go_as_they_are_written(tmp_path):
    source = Arrays([None])
    source.count = 12
    source.confidence = lambda _number: {}
    given = []

    def ids(number):
        mask = blobs(number)
        given.append(weakref.ref(mask))
        return mask

    def on_frame(_done, _total):
        assert sum(mask() is not None for mask in given) <= 2

    source.ids = ids
    export(["yolo", "cvat", "labelme", "coco", "masks"], source, tmp_path, on_frame=on_frame)
    assert len(given) == 12
