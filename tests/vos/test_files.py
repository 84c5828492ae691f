import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from vos.files import (
    FRAME_SUFFIXES,
    HEIF_SUFFIXES,
    IMAGE_SUFFIXES,
    atomic_path,
    natural_key,
    sha256_of,
    write_json,
    write_png,
)


def test_atomic_path_leaves_the_old_file_when_the_writer_fails(tmp_path):
    target = tmp_path / "a" / "result.txt"
    with atomic_path(target) as beside:
        beside.write_text("first")
    with pytest.raises(RuntimeError), atomic_path(target) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert target.read_text() == "first"
    assert list(target.parent.iterdir()) == [target]


def test_atomic_path_keeps_the_suffix_and_stays_in_the_folder(tmp_path):
    with atomic_path(tmp_path / "mask.png") as beside:
        assert beside.suffix == ".png"
        assert beside.parent == tmp_path
        beside.write_bytes(b"x")


def test_write_json_round_trip(tmp_path):
    value = {"name": "caffè", "scores": [0.1, None]}
    write_json(tmp_path / "v.json", value)
    assert json.loads((tmp_path / "v.json").read_text(encoding="utf-8")) == value


def test_write_json_keeps_a_name_that_is_not_utf_8(tmp_path):
    value = {"source": os.fsdecode(b"caf\xe9/\xc3\xa8")}
    write_json(tmp_path / "v.json", value)
    assert json.loads((tmp_path / "v.json").read_text(encoding="utf-8")) == value


def test_sha256_of_a_known_text(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of(path).startswith("ba7816bf8f01cfea414140de5dae2223")


def test_natural_key_orders_numbers_by_value_and_mixes_types():
    names = ["frame10.jpg", "frame2.jpg", "Frame1.jpg", "10.png", "9.png", "a", ""]
    assert sorted(names, key=natural_key) == [
        "", "9.png", "10.png", "a", "Frame1.jpg", "frame2.jpg", "frame10.jpg",
    ]  # fmt: skip


def test_data_are_flushed_through_a_file_that_is_open_for_writing(tmp_path, monkeypatch):
    """Windows refuses to flush what is open for reading alone."""
    fcntl = pytest.importorskip("fcntl")
    modes = []
    monkeypatch.setattr(
        "os.fsync", lambda fd: modes.append(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE)
    )
    write_json(tmp_path / "v.json", 1)
    assert modes == [os.O_RDWR]


def test_suffixes_of_frames_are_those_of_images_without_animations_and_plain_bitmaps():
    assert sorted(IMAGE_SUFFIXES - FRAME_SUFFIXES) == [".gif", ".jpe", ".pgm", ".ppm"]
    frames = [".avif", ".bmp", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"]
    assert sorted(FRAME_SUFFIXES - HEIF_SUFFIXES) == frames


@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_write_png_keeps_the_pixels_red_first(tmp_path, channels):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, *channels)).astype(np.uint8)
    for level in (None, 1):
        write_png(tmp_path / "sheets" / "a.png", image, level=level)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "sheets/a.png")), image)


def test_write_png_keeps_16_bits(tmp_path):
    image = np.random.default_rng(0).integers(0, 1 << 16, (5, 7)).astype(np.uint16)
    write_png(tmp_path / "a.png", image)
    stored = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint16
    np.testing.assert_array_equal(stored, image)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_write_png_refuses_what_is_no_picture(tmp_path, image):
    with pytest.raises(ValueError, match="expected a picture"):
        write_png(tmp_path / "a.png", image)
    assert not list(tmp_path.iterdir())


def test_files_load_no_opencv():
    """What only moves files about pays nothing for the writer of pictures."""
    code = "import sys, vos.files; assert 'cv2' not in sys.modules and 'numpy' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
