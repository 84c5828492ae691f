"""Damage inside JPEGs is noticed; whole ones of every kind are left alone."""

import cv2
import numpy as np
import pytest

from tests.vos.pictures.files import jpeg, photo
from vos.pictures.jpeg import is_cut_off, jpeg_damage, with_end


def sampled(factors):
    parameters = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factors]
    return cv2.imencode(".jpg", photo(), parameters)[1].tobytes()


KINDS = {
    "4:2:0": lambda: jpeg(quality=90),
    "4:4:4": lambda: jpeg(quality=90, subsampling=0),
    "4:2:2": lambda: jpeg(subsampling=1),
    "progressive": lambda: jpeg(progressive=True),
    "gray": lambda: jpeg("L"),
    "CMYK": lambda: jpeg("CMYK"),
    "RGB": lambda: jpeg(keep_rgb=True),
    "restarts": lambda: jpeg(restart_marker_blocks=7),
    "own tables": lambda: jpeg(optimize=True),
    "4:1:1": lambda: sampled(0x411111),
}
WHOLE = {
    "bytes after the end": lambda data: data + b"\xff\xda and a film" * 9,
    "no mark of the end": lambda data: data[:-2],
    "padding before the end": lambda data: data[:-2] + bytes(40) + data[-2:],
    "bytes between two parts": lambda data: data.replace(b"\xff\xdb", b"\0\1\xff\xdb", 1),
    "an unknown JFIF version": lambda data: data.replace(b"JFIF\0\1", b"JFIF\0\7"),
}
noise = np.random.default_rng(5).integers(0, 255, 400, np.uint8).tobytes()
DAMAGED = {
    "noise": lambda data: data[:2000] + noise + data[2400:],
    "half left out": lambda data: data[: len(data) // 2] + data[-2:],
    "half zeros": lambda data: data[: len(data) // 2] + bytes(len(data) // 2) + data[-2:],
    "a piece left out": lambda data: data[:2000] + data[2300:],
    "cut off": lambda data: data[: len(data) // 2],
    "another picture inside": lambda data: data[:2000] + data[:900] + data[2000:],
}


@pytest.mark.parametrize("kind", KINDS)
def test_whole_pictures_have_no_damage(kind):
    assert jpeg_damage(KINDS[kind]()) is None


@pytest.mark.parametrize("change", WHOLE)
def test_what_every_viewer_opens_is_no_damage(change):
    data = WHOLE[change](jpeg(quality=90))
    assert data != jpeg(quality=90)
    assert jpeg_damage(data) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", DAMAGED)
def test_damage_is_noticed(kind, change):
    assert jpeg_damage(DAMAGED[change](KINDS[kind]()))


def test_a_progressive_picture_may_lack_passes_where_its_end_is_missing():
    data = jpeg(progressive=True)
    assert jpeg_damage(data[:-2])
    assert is_cut_off(data[:-2]) and not is_cut_off(data)


def test_the_mark_of_the_end_is_added_where_it_lacks():
    data = jpeg()
    assert with_end(data[:-2]) == with_end(data) == data
    assert with_end(b"other") == b"other"


def test_other_files_are_not_looked_at():
    assert jpeg_damage(b"") is None
    assert jpeg_damage(b"\x89PNG and so on") is None
