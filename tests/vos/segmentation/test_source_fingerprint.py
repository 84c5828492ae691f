"""Contents of sources, whole and in pieces."""

import pytest

from vos.segmentation import source_fingerprint
from vos.segmentation.source_fingerprint import fingerprint_of


@pytest.fixture
def pieces(monkeypatch):
    """Take even small files in pieces."""
    monkeypatch.setattr(source_fingerprint, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(source_fingerprint, "_VIDEO_PIECES", (4, 100))
    monkeypatch.setattr(source_fingerprint, "_PICTURE_PIECES", (3, 50))


def write(path, size, changed=None):
    data = bytearray(range(256)) * (size // 256 + 1)
    if changed is not None:
        data[changed] ^= 1
    path.write_bytes(data[:size])
    return path


@pytest.mark.parametrize("changed", [0, 3500, 6999])
def test_a_change_in_a_small_video_is_noticed_anywhere(tmp_path, changed):
    before = fingerprint_of([write(tmp_path / "a.mp4", 7000)], video=True)
    after = fingerprint_of([write(tmp_path / "a.mp4", 7000, changed)], video=True)
    assert before.change_since(before.as_json()) is None
    assert after.change_since(before.as_json()) == "the video file is another one now"


@pytest.mark.parametrize(
    ("changed", "noticed"), [(0, True), (2310, True), (6999, True), (500, False)]
)
def test_a_large_video_is_known_by_size_and_pieces(tmp_path, pieces, changed, noticed):
    before = fingerprint_of([write(tmp_path / "a.mp4", 7000)], video=True)
    after = fingerprint_of([write(tmp_path / "a.mp4", 7000, changed)], video=True)
    assert (after != before) == noticed
    assert fingerprint_of([write(tmp_path / "a.mp4", 7001)], video=True) != before


def test_many_pictures_are_known_by_names_sizes_and_pieces(tmp_path, pieces):
    files = [write(tmp_path / f"{n}.png", 600) for n in range(4)]
    before = fingerprint_of(files, video=False).as_json()
    for changed in (0, 300, 599):
        write(files[2], 600, changed)
        assert fingerprint_of(files, video=False).change_since(before)
    write(files[2], 600)
    assert fingerprint_of(files, video=False).change_since(before) is None


def test_the_first_pictures_alone(tmp_path):
    files = [write(tmp_path / f"{n}.png", 600) for n in range(4)]
    before = fingerprint_of(files, video=False)
    write(files[2], 600, 5)
    after = fingerprint_of(files, video=False)
    assert [bool(after.change_since(before.as_json(n))) for n in range(5)] == [0, 0, 0, 1, 1]
    assert before.as_json(2) == {"frames": 4, "hashed_frames": 2, "sha256": before.hashes[2]}


def test_a_picture_that_cannot_be_read_is_the_readers_to_tell(tmp_path):
    files = [write(tmp_path / "a.png", 10), tmp_path / "gone.png"]
    assert fingerprint_of(files, video=False).size == 2


def test_cameras_and_streams_have_none():
    assert fingerprint_of([], video=False) is None
