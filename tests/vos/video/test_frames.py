"""Frames in order, their sizes and names."""

import pytest
from PIL import Image

from tests.vos.video.files import encode_ramp
from vos.errors import InputError
from vos.video.frame_range import ReadingOptions
from vos.video.reader import open_frames


def test_max_size_keeps_the_aspect(clip, pictures):
    for source, expected in ((clip, (24, 32, 3)), (pictures, (24, 32, 3))):
        with open_frames(source, max_size=32) as reader:
            assert next(reader).image.shape == expected


def test_pictures_know_their_number_and_no_rate(pictures):
    for source, kind, count in (
        (pictures, "folder", 12),
        (pictures / "frame1*.png", "glob", 3),
        (pictures / "frame4.png", "image", 1),
    ):
        with open_frames(source) as reader:
            assert (reader.kind, reader.count, reader.fps) == (kind, count, None)
            assert len(list(reader)) == count


def test_frames_of_another_size_are_refused(pictures):
    Image.new("RGB", (30, 20)).save(pictures / "frame7.png")
    with (
        open_frames(pictures, max_size=8) as reader,
        pytest.raises(InputError, match=r"frame7\.png is 30x20 pixels, .*32x24.*one size"),
    ):
        list(reader)


def test_frames_of_another_size_are_resized_on_request(pictures, tmp_path):
    Image.new("RGB", (30, 20)).save(pictures / "frame7.png")
    streams = [encode_ramp(tmp_path / f"{w}.h264", count=5, size=(64, w)) for w in (96, 128)]
    both = tmp_path / "both.h264"
    both.write_bytes(b"".join(path.read_bytes() for path in streams))
    resized = ReadingOptions(on_size_change="resize")
    for source, count, shape in ((pictures, 12, (24, 32, 3)), (both, 10, (64, 96, 3))):
        with open_frames(source) as reader, pytest.raises(InputError, match="--on-size-change"):
            list(reader)
        with open_frames(source, reading=resized) as reader:
            assert [frame.image.shape for frame in reader] == [shape] * count
