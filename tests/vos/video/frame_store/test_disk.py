"""Encoded frames on disk."""

import time

from vos.video.frame_store.disk import DiskCache


def written(cache, name, content):
    cache.put(name, content)
    end = time.monotonic() + 10
    while cache.get(name) is None and time.monotonic() < end:
        time.sleep(0.005)
    assert cache.get(name) == content


def names(folder):
    return sorted(path.name for path in folder.glob("*/*"))


def test_the_oldest_go_first_and_no_part_is_left(tmp_path):
    cache = DiskCache(tmp_path, "source", 350)
    for number in range(3):
        written(cache, str(number), bytes(100))
    assert cache.get("0") == bytes(100)  # used last
    written(cache, "3", bytes(100))
    cache.close()
    assert names(tmp_path) == ["0.jpg", "2.jpg", "3.jpg"]


def test_the_bound_is_of_all_sources_and_lasts(tmp_path):
    for source in ("a", "b"):
        cache = DiskCache(tmp_path, source, 250)
        written(cache, source, bytes(100))
        cache.close()
    cache = DiskCache(tmp_path, "c", 250)
    written(cache, "c", bytes(100))
    cache.close()
    assert names(tmp_path) == ["b.jpg", "c.jpg"]


def test_sources_do_not_see_each_other(tmp_path):
    cache = DiskCache(tmp_path, "a", 1000)
    written(cache, "1", b"one")
    other = DiskCache(tmp_path, "b", 1000)
    assert other.get("1") is None
    cache.clear()
    assert cache.get("1") is None
    cache.close()
    other.close()
