"""Frames in order, their sizes and names."""

import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.vos.video.files import encode_ramp
from vos.errors import InputError
from vos.pictures.levels import DeepForm
from vos.video.backward.reading import open_backward
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.reader import open_frames
from vos.video.sources.archives import PictureArchive


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


def test_frames_of_a_sequence_are_scaled_alike(tmp_path):
    levels = np.linspace(0, 4095, 64 * 48).reshape(48, 64).astype(np.uint16)
    for number, share in enumerate((16, 1, 16)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), levels // share)
    expected = [16, 255, 16]
    for choice in ({}, {"start": 2}, {"stride": 2}):
        with (
            pytest.warns(UserWarning, match=r"end at 4,095 are read as 12 bits") as said,
            open_frames(tmp_path, **choice) as reader,
        ):
            frames = list(reader)
        assert [frame.image.max() for frame in frames] == [expected[f.index] for f in frames]
        assert len(said) == 1


@pytest.mark.parametrize("kind", ["folder", "archive", "pages"])
def test_the_levels_are_those_of_all_frames_whatever_the_end(tmp_path, kind):
    frames = [np.full((8, 8), level, np.uint16) for level in (200, 200, 4000)]
    source = tmp_path / "frames"
    source.mkdir()
    for number, levels in enumerate(frames):
        cv2.imwrite(str(source / f"{number}.png"), levels)
    if kind == "archive":
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
            for path in source.iterdir():
                file.write(path, path.name)
        source = tmp_path / "a.zip"
    if kind == "pages":
        source = tmp_path / "a.tif"
        images = [Image.fromarray(levels) for levels in frames]
        images[0].save(source, save_all=True, append_images=images[1:])
    for end in (1, 2, 3):
        with pytest.warns(UserWarning, match="12 bits"), open_frames(source, end=end) as reader:
            assert [int(frame.image.max()) for frame in reader][:2] == [12, 12][:end]
        assert reader.levels.white(DeepForm(16)) == 4095


def test_the_levels_of_an_archive_are_known_after_it_is_closed(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("0.png", cv2.imencode(".png", np.full((8, 8), 4000, np.uint16))[1].tobytes())
    archive = PictureArchive(tmp_path / "a.zip")
    levels = archive.levels()
    archive.close()
    with pytest.warns(UserWarning, match="12 bits"):
        assert levels.white(DeepForm(16)) == 4095


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


@pytest.mark.parametrize("form", ["folder", "archive", "pages"])
def test_deep_pictures_of_a_sequence_are_scaled_alike(tmp_path, form):
    """The first frame of a 12-bit sequence is dark, and stays so, however the frames are stored."""
    frames = [np.full((40, 48), level, np.uint16) for level in (900, 4000)]
    if form == "pages":
        source = tmp_path / "stack.tif"
        assert cv2.imwritemulti(str(source), frames)
    else:
        for number, frame in enumerate(frames):
            assert cv2.imwrite(str(tmp_path / f"{number}.png"), frame)
        source = tmp_path
    if form == "archive":
        source = tmp_path / "frames.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for number in range(2):
                archive.write(tmp_path / f"{number}.png", f"{number}.png")
    with pytest.warns(UserWarning, match="read as 12 bits"), open_frames(source) as reader:
        with open_backward(reader, FrameRange(), 1) as backward:
            falling = [int(frame.image[0, 0, 0]) for frame in backward]
        found = [int(frame.image[0, 0, 0]) for frame in reader]
    assert found == falling[::-1] == [round(level * 255 / 4095) for level in (900, 4000)]
