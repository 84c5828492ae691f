"""The store's sources, its encoded frames and what it keeps on disk."""

import io
import time

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from tests.vos.video.files import COUNT, encode_ramp, number_of
from tests.vos.video.frame_store.stores import assert_same, in_order, indexed
from vos.errors import InputError
from vos.video.frame_store.store import FrameStore


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return encode_ramp(tmp_path_factory.mktemp("store") / "a.mp4", options={"g": "8"})


def cached_files(folder, count):
    """Return the files of a cache once there are so many."""
    end = time.monotonic() + 10
    while len(files := sorted(folder.glob("*/[!.]*.jpg"))) < count and time.monotonic() < end:
        time.sleep(0.01)
    assert len(files) == count
    return files


@pytest.mark.parametrize("source", ["camera:0", "rtsp://127.0.0.1/a", "http://127.0.0.1/a.mp4"])
def test_live_sources_are_refused(source):
    with pytest.raises(InputError, match="cannot be read by number; record it to a file"):
        FrameStore(source)


def test_given_frames_are_refused():
    with pytest.raises(InputError, match="given as arrays cannot be read by number"):
        FrameStore(np.zeros((3, 8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="given as arrays"):
        FrameStore(np.zeros((8, 8, 3), np.uint8) for _ in range(2))


def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        FrameStore(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="max size 0"):
        FrameStore(tmp_path, max_size=0)


def test_a_jpeg_is_the_frame(path):
    with FrameStore(path) as store:
        image = simplejpeg.decode_jpeg(store.jpeg(7, quality=95), "RGB")
        assert image.shape == (64, 96, 3)
        assert number_of(image) == 7
        worse = store.jpeg(7, quality=20)
        assert len(worse) < len(store.jpeg(7, quality=95))
        assert np.abs(image.astype(int) - store.frame(7).image).mean() < 12


@pytest.mark.parametrize(("height", "size"), [(32, (48, 32)), (1000, (96, 64)), (1, (2, 1))])
def test_thumbnails(path, height, size):
    with FrameStore(path) as store:
        assert Image.open(io.BytesIO(store.jpeg(3, height))).size == size


@pytest.mark.parametrize("how", [{"height": 0}, {"quality": 0}, {"quality": 101}])
def test_sizes_and_qualities_that_are_none(path, how):
    with FrameStore(path) as store, pytest.raises(InputError, match="quality from 1 to 100"):
        store.jpeg(0, **how)


def test_encoded_frames_come_from_the_disk_the_next_time(path, tmp_path, monkeypatch):
    with FrameStore(path, cache=tmp_path) as store:
        first = [store.jpeg(number) for number in (0, 9, 15)]
        cached_files(tmp_path, 3)
    monkeypatch.setattr(FrameStore, "frame", None)
    with FrameStore(path, cache=tmp_path) as store:
        assert [store.jpeg(number) for number in (0, 9, 15)] == first


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied"])
def test_a_damaged_cached_frame_is_made_again(path, tmp_path, damage):
    with FrameStore(path, cache=tmp_path) as store:
        whole = store.jpeg(5)
        (file,) = cached_files(tmp_path, 1)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes({"cut": data[:200], "changed": data, "emptied": b""}[damage])
    with FrameStore(path, cache=tmp_path) as store:
        assert store.jpeg(5) == whole


def test_a_changed_source_or_size_has_other_cached_frames(tmp_path):
    path = encode_ramp(tmp_path / "a.mp4", count=6)
    cache = tmp_path / "cache"
    with FrameStore(path, cache=cache) as store:
        before = store.jpeg(2)
        cached_files(cache, 1)
    with FrameStore(path, cache=cache, max_size=48) as store:
        assert Image.open(io.BytesIO(store.jpeg(2))).size == (48, 32)
        cached_files(cache, 2)
    encode_ramp(path, count=6, first=10)
    with FrameStore(path, cache=cache) as store:
        after = store.jpeg(2)
        assert after != before
        assert number_of(simplejpeg.decode_jpeg(after, "RGB")) == 12


def test_a_cache_that_cannot_be_written_is_none(path, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with FrameStore(path, cache=tmp_path / "file") as store:
        assert store.jpeg(1) == store.jpeg(1)


def test_numbers_that_are_wrong_leave_nothing_behind(path, tmp_path):
    with indexed(path, cache=tmp_path) as store:
        store.jpeg(2)
        cached_files(tmp_path, 1)
        store._forget()
        assert not list(tmp_path.glob("*/*.jpg"))
        assert store.jpeg(2)


def test_little_memory_is_enough(path):
    expected = in_order(path)
    with FrameStore(path, memory_bytes=1) as store:
        for number in (20, 3, 4):
            assert_same(store.frame(number), expected[number])
        assert len(store._frames._values) == 1
        assert len(store._passed._values) <= 1


def test_on_index_is_called_at_once_where_all_is_known(path, pictures):
    for source, count in ((path, COUNT), (pictures, 12)):
        with indexed(source) as store:
            calls = []
            store.on_index(lambda calls=calls, store=store: calls.append(store.count))
            assert calls == [count]
            assert store.error is None


def test_a_closed_store_gives_nothing(path):
    store = FrameStore(path)
    assert not store.is_closed
    store.close()
    assert store.is_closed
    for ask in (store.frame, store.jpeg):
        with pytest.raises(InputError, match="closed"):
            ask(0)
