import threading

import pytest
import torch

from vos.runtime.threads import map_threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_values_come_in_order(two_threads):
    assert map_threads(lambda n: n * n, range(20)) == [n * n for n in range(20)]


def test_operations_within_are_single_threaded_and_the_caller_keeps_its_threads(two_threads):
    barrier = threading.Barrier(2, timeout=30)

    def look(_):
        barrier.wait()  # passes only where two threads work at once
        return torch.get_num_threads(), threading.get_ident()

    found = map_threads(look, range(2))
    assert [count for count, _ in found] == [1, 1]
    assert len({thread for _, thread in found}) == 2
    assert torch.get_num_threads() == 2


def test_inference_mode_is_the_callers(two_threads):
    with torch.inference_mode():
        assert all(map_threads(lambda _: torch.is_inference_mode_enabled(), range(4)))
    assert not any(map_threads(lambda _: torch.is_inference_mode_enabled(), range(4)))


def test_errors_come_out(two_threads):
    def fail(number):
        raise ValueError(f"item {number}")

    with pytest.raises(ValueError, match="item 0"):
        map_threads(fail, range(3))


def test_one_thread_works_in_place():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        threads = map_threads(lambda _: threading.get_ident(), range(3))
    finally:
        torch.set_num_threads(before)
    assert set(threads) == {threading.get_ident()}
