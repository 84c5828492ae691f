"""The bounded store in memory."""

from vos.video.frame_store.memory import MemoryCache


def test_what_was_used_longest_ago_goes_first():
    cache = MemoryCache(10)
    for key in "abc":
        cache.put(key, key.upper(), 4 if key != "c" else 2)
    assert cache.get("a") == "A"
    cache.put("d", "D", 3)
    assert [cache.get(key) for key in "abcd"] == ["A", None, "C", "D"]


def test_a_value_that_is_put_again_counts_once():
    cache = MemoryCache(10)
    for size in (9, 5, 5):
        cache.put("a", size, size)
    cache.put("b", 1, 5)
    assert (cache.get("a"), cache.get("b")) == (5, 1)


def test_the_newest_stays_however_large():
    cache = MemoryCache(1)
    cache.put("a", "A", 5)
    cache.put("b", "B", 7)
    assert (cache.get("a"), cache.get("b")) == (None, "B")
    cache.drop("b")
    cache.drop("b")
    assert cache.get("b") is None
    cache.put("b", "B", 7)
    cache.clear()
    assert cache.get("b") is None
