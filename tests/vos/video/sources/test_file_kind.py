"""What kind of source a file is, by its first bytes."""

import zipfile

import pytest
from PIL import Image

from tests.vos.video.files import encode_ramp, ramp
from vos.video.sources.file_kind import file_kind, gif_lacks_delays, png_frames, tiff_pages


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("a.tif", {}, "pages"),
        ("a.webp", {}, "pages"),
        ("a.gif", {}, "pages"),
        ("a.gif", {"duration": 50}, "video"),
        ("a.png", {}, "video"),
    ],
)
def test_pictures_in_a_row(tmp_path, name, options, kind):
    images = [Image.fromarray(ramp(number)) for number in range(3)]
    path = tmp_path / name
    images[0].save(path, save_all=True, append_images=images[1:], **options)
    assert file_kind(path, named_as_picture=True) == kind
    images[0].save(path)
    single = "video" if name.endswith("gif") else "image"
    assert file_kind(path, named_as_picture=True) == single


def test_files_that_are_no_pictures(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.png", "w") as file:
        file.writestr("x", b"")
    assert file_kind(tmp_path / "a.png", named_as_picture=True) == "archive"
    assert file_kind(encode_ramp(tmp_path / "a.mp4"), named_as_picture=False) == "video"


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"RIFF"])
def test_a_few_bytes(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert file_kind(path, named_as_picture=True) in ("image", "video")
    assert png_frames(path) == 0


def test_a_file_that_is_not_there_is_for_its_reader(tmp_path):
    assert file_kind(tmp_path / "a.png", named_as_picture=True) == "image"


def test_a_gif_in_which_one_delay_is_missing(tmp_path):
    images = [Image.fromarray(ramp(number)) for number in range(3)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=50)
    data = (tmp_path / "a.gif").read_bytes()
    at = data.index(b"!\xf9\x04", data.index(b"!\xf9\x04") + 1)
    (tmp_path / "a.gif").write_bytes(data[:at] + data[at + 8 :])
    assert gif_lacks_delays(tmp_path / "a.gif")


def test_pages_of_a_cut_tiff(tmp_path):
    images = [Image.fromarray(ramp(number)) for number in range(4)]
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    assert not tiff_pages(tmp_path / "a.tif").is_cut
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: len(data) // 2])
    assert tiff_pages(tmp_path / "a.tif").is_cut


def test_a_bigtiff_whose_pages_are_nowhere(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II+\0\x08\0\0\0" + b"\xff" * 8)
    assert tiff_pages(path).is_cut
    assert file_kind(path, named_as_picture=True) == "image"
