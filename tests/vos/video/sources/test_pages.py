"""Several pictures in one file: every one is a frame, and a cut file is no whole one."""

import struct
import tracemalloc
import warnings

import numpy as np
import pytest
from PIL import Image

from tests.vos.video.files import number_of, ramp
from vos.errors import IncompleteSourceError, InputError
from vos.video.frame_range import ReadingOptions
from vos.video.reader import open_frames

COUNT = 7
KINDS = {
    "a.tif": {},
    "b.tiff": {"compression": "tiff_lzw"},
    "c.tif": {"big_tiff": True},
    "d.webp": {"lossless": True, "duration": 40},
    "e.png": {"duration": 40},
    "f.gif": {},
    "g.gif": {"duration": [100] * COUNT},
}


def write(path, count=COUNT, size=(64, 96), **options):
    images = [Image.fromarray(ramp(number % 20, size)) for number in range(count)]
    images[0].save(path, save_all=True, append_images=images[1:], **options)
    return path


@pytest.mark.parametrize("name", KINDS)
def test_every_picture_is_a_frame(tmp_path, name):
    path = write(tmp_path / name, **KINDS[name])
    with open_frames(path) as reader:
        assert reader.is_one_file
        assert reader.files == (path,)
        assert reader.count == COUNT
        assert reader.limit >= COUNT
        frames = list(reader)
    assert [frame.name for frame in frames] == [f"{n:05d}" for n in range(COUNT)]
    assert [number_of(frame.image) for frame in frames] == list(range(COUNT))
    if path.suffix in (".tif", ".tiff", ".png", ".webp"):
        assert all(np.array_equal(frame.image, ramp(frame.index)) for frame in frames)


@pytest.mark.parametrize("name", KINDS)
def test_a_range_of_them(tmp_path, name):
    path = write(tmp_path / name, **KINDS[name])
    with open_frames(path, start=1, end=6, stride=2, max_size=64) as reader:
        assert reader.count == 3
        frames = list(reader)
    assert [(f.name, f.index, number_of(f.image)) for f in frames] == [
        ("00001", 1, 1), ("00003", 3, 3), ("00005", 5, 5)
    ]  # fmt: skip
    assert frames[0].image.shape == (43, 64, 3)
    with pytest.raises(InputError, match=f"has {COUNT} frames"):
        open_frames(path, start=COUNT)


def test_the_times_of_an_animated_webp(tmp_path):
    path = write(tmp_path / "a.webp", 3, duration=[40, 60, 100])
    with open_frames(path) as reader:
        assert reader.fps == 15
        assert [frame.time for frame in reader] == [0, 0.04, 0.1]


def test_one_picture_keeps_its_name(tmp_path):
    for name in ("v.tif", "v.png", "v.webp"):
        with open_frames(write(tmp_path / name, 1)) as reader:
            assert (reader.kind, [frame.name for frame in reader]) == ("image", ["v"])


def test_a_picture_that_is_shown_before_an_animated_png_is_no_frame(tmp_path):
    path = write(tmp_path / "a.png", default_image=True, duration=40)
    with open_frames(path) as reader:
        assert [number_of(frame.image) for frame in reader] == list(range(1, COUNT))


def with_tag(path, number, value):
    """Make a TIFF of two pages, the second with another tag in the place of its first one."""
    write(path, 2)
    data = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", data, 4)[0]
    tags = struct.unpack_from("<H", data, first)[0]
    second = struct.unpack_from("<I", data, first + 2 + 12 * tags)[0]
    struct.pack_into("<HHII", data, second + 2, number, 4, 1, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("number", "value"), [(254, 1), (254, 4), (255, 2)])
def test_thumbnails_and_masks_of_a_page_are_no_frames(tmp_path, number, value):
    with open_frames(with_tag(tmp_path / "a.tif", number, value)) as reader:
        assert (reader.kind, reader.count) == ("image", 1)


def test_16_bits_and_gray_are_read_as_in_files_of_one_page(tmp_path):
    images = [Image.fromarray(np.full((20, 30), 6000 * n, np.uint16)) for n in (1, 9)]
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    images[1].save(tmp_path / "b.tif")
    with open_frames(tmp_path / "a.tif") as pages, open_frames(tmp_path / "b.tif") as single:
        assert np.array_equal(list(pages)[1].image, next(single).image)


@pytest.mark.parametrize("name", ["a.tif", "e.png", "d.webp", "f.gif"])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.99])
def test_a_file_that_is_cut_off_is_no_whole_one(tmp_path, name, share):
    path = write(tmp_path / name, **KINDS[name])
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    frames = []
    with pytest.raises(InputError, match=name.replace(".", r"\.")), open_frames(path) as reader:
        for frame in reader:
            frames.append(frame)
    assert [number_of(frame.image) for frame in frames] == list(range(len(frames)))


def test_a_cut_stack_is_taken_as_whole_on_request(tmp_path):
    path = write(tmp_path / "a.tif")
    path.write_bytes(path.read_bytes()[: int(0.8 * path.stat().st_size)])
    with pytest.raises(IncompleteSourceError, match="--allow-truncated"):
        list(open_frames(path))
    with (
        pytest.warns(UserWarning, match="cut off after 5 readable pages"),
        open_frames(path, reading=ReadingOptions(allow_truncated=True)) as reader,
    ):
        assert len(list(reader)) == 5
    with warnings.catch_warnings(), open_frames(path, end=5) as reader:
        warnings.simplefilter("error")
        assert len(list(reader)) == 5


def test_a_chain_of_pages_that_leads_back_ends(tmp_path):
    path = write(tmp_path / "a.tif", 2)
    data = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", data, 4)[0]
    tags = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * tags, first)
    path.write_bytes(data)
    with open_frames(path) as reader:
        assert reader.count == 1


def test_pages_are_not_all_in_memory(tmp_path):
    path = write(tmp_path / "a.tif", 40, size=(256, 512))
    tracemalloc.start()
    try:
        with open_frames(path, read_ahead=1) as reader:
            assert sum(1 for _ in reader) == 40
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * 256 * 512 * 3


def test_pages_of_other_sizes(tmp_path):
    images = [Image.fromarray(ramp(n, size)) for n, size in enumerate([(64, 96), (32, 48)])]
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    with (
        pytest.raises(InputError, match="page 2 is 48x32"),
        open_frames(tmp_path / "a.tif") as reader,
    ):
        list(reader)
    reading = ReadingOptions(on_size_change="resize")
    with open_frames(tmp_path / "a.tif", reading=reading) as reader:
        assert [frame.image.shape for frame in reader] == [(64, 96, 3)] * 2


def test_several_pictures_in_a_file_among_others_are_told(tmp_path):
    for number in range(2):
        write(tmp_path / f"{number}.tif")
    with pytest.warns(UserWarning, match=r"0\.tif holds several pictures"):
        assert len(list(open_frames(tmp_path))) == 2
    write(tmp_path / "0.tif", 1)
    write(tmp_path / "1.tif", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(open_frames(tmp_path))) == 2


@pytest.mark.parametrize("count", [1, 2])
def test_a_gif_named_as_another_picture_is_told_if_it_holds_several(tmp_path, count):
    images = [Image.fromarray(ramp(number)) for number in range(count)]
    images[0].save(tmp_path / "0.png", "GIF", save_all=True, append_images=images[1:], duration=50)
    with warnings.catch_warnings(record=True) as texts:
        warnings.simplefilter("always")
        assert len(list(open_frames(tmp_path))) == 1
    assert ["holds several pictures" in str(text.message) for text in texts] == [True] * (count > 1)
