"""A zip of frames is a source; what it holds beside them does no harm."""

import struct
import zipfile

import cv2
import numpy as np
import pytest

from tests.vos.video.files import number_of, ramp
from vos.errors import InputError
from vos.video.reader import open_frames
from vos.video.sources.archives import PictureArchive


def png(number):
    return cv2.imencode(".png", np.ascontiguousarray(ramp(number)[..., ::-1]))[1].tobytes()


def pack_pairs(path, pairs, **options):
    """Write a zip; the pairs are names and frames' numbers or bytes."""
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, what in pairs:
            file.writestr(name, png(what) if isinstance(what, int) else what)
    return path


def test_frames_come_in_natural_order_with_their_names(tmp_path):
    path = pack_pairs(tmp_path / "a.zip", [(f"clip/f{n}.png", n) for n in (10, 2, 1, 0)])
    with open_frames(path) as reader:
        assert (reader.kind, reader.count, reader.fps) == ("archive", 4, None)
        assert reader.names == ("f0", "f1", "f2", "f10")
        frames = list(reader)
    assert [frame.name for frame in frames] == ["f0", "f1", "f2", "f10"]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert np.array_equal(frames[3].image, ramp(10))


def test_a_range_of_them(tmp_path):
    path = pack_pairs(tmp_path / "a.zip", [(f"{n}.png", n) for n in range(9)])
    with open_frames(path, start=1, end=8, stride=3, max_size=64) as reader:
        assert reader.names == ("1", "4", "7")
        frames = list(reader)
    assert [number_of(frame.image) for frame in frames] == [1, 4, 7]
    assert frames[0].image.shape == (43, 64, 3)
    with pytest.raises(InputError, match="has 9 frames"):
        open_frames(path, start=9)


def test_hidden_files_and_those_of_macs_are_left_out(tmp_path):
    path = pack_pairs(
        tmp_path / "a.zip",
        [("c/0.png", 0), ("c/.1.png", 1), (".git/2.png", 2), ("__MACOSX/c/._0.png", b"x"),
         ("c\\3.png", 3), ("c/notes.txt", b"x"), ("c/", b"")],
    )  # fmt: skip
    assert PictureArchive(path).names == ("0", "3")


def test_names_that_lead_outside_write_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    path = pack_pairs(tmp_path / "in" / "a.zip", [("../../0.png", 0), ("/1.png", 1)])
    with open_frames(path) as reader:
        assert sorted(frame.name for frame in reader) == ["0", "1"]
    assert [p.name for p in tmp_path.rglob("*.png")] == []


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({}, "no pictures found.*empty"),
        ({"a.txt": b"x", "b.mp4": b"x"}, r"no pictures found.*1 \.txt, 1 \.mp4"),
        ({"b.zip": b"PK"}, r"holds archives \(b\.zip\)"),
        ({"0.png": 0, "b.zip": b"PK"}, r"holds archives \(b\.zip\)"),
        ({"a/0.png": 0, "b/0.jpg": 0}, "have the same name '0'"),
    ],
)
def test_archives_that_are_no_frames(tmp_path, members, says):
    path = pack_pairs(tmp_path / "a.zip", members.items())
    with pytest.raises(InputError, match=rf"a\.zip.*{says}"):
        open_frames(path)


def test_a_damaged_archive(tmp_path):
    path = pack_pairs(tmp_path / "a.zip", [("0.png", 0), ("1.png", 1)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"a\.zip: a damaged or cut off zip file"):
        open_frames(path)
    path.write_bytes(data[:2000] + bytes(200) + data[2200:])
    with pytest.raises(InputError, match=r"a\.zip, 0\.png: cannot be read"):
        list(open_frames(path))


def test_an_encrypted_archive(tmp_path):
    path = pack_pairs(tmp_path / "a.zip", [("0.png", 0)])
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 8, 1)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"0\.png is encrypted"):
        open_frames(path)


def test_a_picture_that_is_too_large_is_not_unpacked(tmp_path):
    path = pack_pairs(tmp_path / "a.zip", [("0.png", 0)])
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 1 << 31)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"0\.png has 2,147,483,648 bytes"):
        open_frames(path)


def test_deflated_pictures(tmp_path):
    path = pack_pairs(
        tmp_path / "a.zip", [("0.png", 0), ("1.png", 1)], compression=zipfile.ZIP_DEFLATED
    )
    assert len(list(open_frames(path))) == 2


def test_a_member_without_a_name(tmp_path):
    path = pack_pairs(tmp_path / "a.zip", [("0.png", 0), ("1", b"x")])
    central = bytearray(path.read_bytes())
    at = central.rindex(b"PK\x01\x02") + 46
    central[at] = 0
    path.write_bytes(central)
    assert PictureArchive(path).names == ("0",)
