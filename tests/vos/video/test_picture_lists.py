"""Frames from a list of picture files."""

import numpy as np
import pytest

from tests.data.clips import picture, write_picture
from vos.errors import InputError
from vos.video.frame_range import FrameRange
from vos.video.reader import open_frames


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp("frames")
    paths = []
    for number in range(4):
        path = root / f"part{number % 2}" / f"f{number}.png"
        path.parent.mkdir(exist_ok=True)
        write_picture(path, picture(number)[0])
        paths.append(path)
    return paths


@pytest.mark.parametrize("form", [str, lambda path: path])
def test_pictures_come_in_the_order_of_the_list(files, form):
    order = [2, 0, 3, 1]
    with open_frames([form(files[number]) for number in order]) as reader:
        assert (reader.kind, reader.count, reader.fps) == ("list", 4, None)
        assert reader.source == f"{files[0].parent.parent} (pictures listed: 4)"
        frames = list(reader)
    assert [(frame.name, frame.index) for frame in frames] == [
        (f"f{number}", place) for place, number in enumerate(order)
    ]
    for frame, number in zip(frames, order, strict=True):
        assert np.array_equal(frame.image, picture(number)[0])


def test_the_range_counts_in_the_list(files):
    with open_frames(tuple(files), start=1, stride=2) as reader:
        assert [frame.name for frame in reader] == ["f1", "f3"]
        assert reader.files == (files[1], files[3])


def test_relative_and_absolute_files_together(files, monkeypatch):
    monkeypatch.chdir(files[0].parent)
    with open_frames(["f0.png", files[1]]) as reader:
        assert len(list(reader)) == 2


def test_lists_that_cannot_be_frames(files, tmp_path):
    with pytest.raises(InputError, match="list of frames is empty"):
        open_frames([])
    with pytest.raises(InputError, match=r"gone\.png: no such file; it is one of the 2"):
        open_frames([files[0], tmp_path / "gone.png"])
    with pytest.raises(InputError, match="part0: no such file"):
        open_frames([files[0].parent])
    twin = tmp_path / "f0.png"
    write_picture(twin, picture(0)[0])
    with pytest.raises(InputError, match="have the same name 'f0'"):
        open_frames([files[0], twin])
    with pytest.raises(InputError, match="start earlier"):
        open_frames(files, start=4)


def test_the_former_name_of_a_ranges_indexes_still_works():
    frames = FrameRange(start=1, end=9, stride=3)
    assert frames.of(6, "clip") == frames.indexes(6, "clip") == range(1, 6, 3)
