"""Pictures by number: folders, patterns, lists, zip files and files of several pictures."""

import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.vos.video.frame_store.stores import (
    assert_random_is_in_order,
    assert_same,
    in_order,
)
from vos.errors import InputError
from vos.video.frame_range import ReadingOptions
from vos.video.frame_store.store import FrameStore

PAGES = [np.full((24, 32, 3), 20 * i, np.uint8) + np.arange(32, dtype=np.uint8)[:, None]
         for i in range(9)]  # fmt: skip


def source_of(pictures, kind, folder):
    if kind == "zip":
        with zipfile.ZipFile(folder / "a.zip", "w") as file:
            for path in pictures.iterdir():
                file.write(path, f"in/{path.name}")
        return folder / "a.zip"
    files = sorted(pictures.iterdir())
    return {
        "folder": pictures, "glob": f"{pictures}/frame*.png", "list": files, "image": files[3],
    }[kind]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "count"), [("folder", 12), ("glob", 12), ("list", 12), ("image", 1), ("zip", 12)]
)
def test_pictures(pictures, tmp_path, kind, count):
    source = source_of(pictures, kind, tmp_path)
    assert assert_random_is_in_order(source) == count
    assert assert_random_is_in_order(source, max_size=16) == count
    with FrameStore(source) as store:
        assert (store.count, store.count_is_exact, store.fps) == (count, True, None)
        assert store.is_indexed
        for number in (-1, count):
            with pytest.raises(InputError, match=f"no frame {number}"):
                store.frame(number)
            with pytest.raises(InputError, match=f"no frame {number}"):
                store.frame_name(number)


@pytest.mark.parametrize("suffix", [".tif", ".webp", ".gif"])
def test_several_pictures_in_one_file(tmp_path, suffix):
    first, *others = [Image.fromarray(page) for page in PAGES]
    how = {".webp": {"lossless": True, "duration": 40}, ".tif": {}, ".gif": {}}[suffix]
    path = tmp_path / f"a{suffix}"
    first.save(path, save_all=True, append_images=others, **how)
    assert assert_random_is_in_order(path) == len(PAGES)
    assert assert_random_is_in_order(path, max_size=16) == len(PAGES)


def test_deep_pictures_have_the_levels_of_their_row(tmp_path):
    for i in range(4):
        levels = np.full((8, 8), 200 + 270 * i, np.uint16)
        levels[0] += np.arange(8, dtype=np.uint16)
        cv2.imwrite(str(tmp_path / f"f{i}.png"), levels)
    with pytest.warns(UserWarning, match="10 bits"):
        assert assert_random_is_in_order(tmp_path) == 4


def test_a_damaged_picture_is_refused_alone(pictures):
    (pictures / "frame5.png").write_bytes(b"no picture")
    expected = in_order(pictures)
    with FrameStore(pictures) as store:
        with pytest.raises(InputError, match="frame5"):
            store.frame(5)
        assert_same(store.frame(4), expected[4])
        assert store.frame(6).name == "frame6"


def test_another_size_is_refused_or_resized(pictures):
    Image.fromarray(np.zeros((30, 20, 3), np.uint8)).save(pictures / "frame3.png")
    with FrameStore(pictures) as store, pytest.raises(InputError, match="20x30 pixels"):
        store.frame(3)
    resize = ReadingOptions(on_size_change="resize")
    assert assert_random_is_in_order(pictures, reading=resize) == 12


def test_a_cut_off_tiff(tmp_path):
    first, *others = [Image.fromarray(page) for page in PAGES]
    path = tmp_path / "a.tif"
    first.save(path, save_all=True, append_images=others)
    path.write_bytes(path.read_bytes()[:-1200])
    expected = in_order(path)
    with FrameStore(path) as store:
        assert_same(store.frame(len(expected) - 1), expected[-1])
        with pytest.raises(InputError, match=r"a\.tif"):
            store.frame(len(expected))
