"""A few coarse threads for many small tensor operations on a CPU.

PyTorch splits every operation over its threads and waits for all of them at its end. Where
operations take a fraction of a millisecond the waiting costs more than the work, most of all on
a machine that is busy otherwise. Here each thread does whole pieces of work by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Value = TypeVar("Value")
_lock = threading.Lock()
_pools: dict[int, ThreadPoolExecutor] = {}


def map_threads(function: Callable[[Item], Value], items: Iterable[Item]) -> list[Value]:
    """Apply a function to items in as many threads as PyTorch uses, and return the values in order.

    Within the function, PyTorch's operations run in one thread each. Whether gradients are
    recorded, and inference mode, are the caller's.
    """
    count = torch.get_num_threads()
    work = list(items)
    if count == 1 or len(work) < 2:
        return [function(item) for item in work]
    inference = torch.is_inference_mode_enabled()

    def apply(item: Item) -> Value:
        with torch.inference_mode(inference):
            return function(item)

    return list(_pool(count).map(apply, work))


def _pool(count: int) -> ThreadPoolExecutor:
    with _lock:
        if count not in _pools:
            _pools[count] = _start(count)
        return _pools[count]


def _start(count: int) -> ThreadPoolExecutor:
    """Start threads whose operations are single-threaded.

    `torch.set_num_threads` sets the calling thread's own number, and the number with which later
    threads begin; the latter is put back when all threads have theirs.
    """
    ready = threading.Barrier(count + 1)

    def begin() -> None:
        torch.get_num_threads()  # PyTorch sets up a new thread at its first look, not later
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(count, "vos", initializer=begin)
    for _ in range(count):
        pool.submit(ready.wait)  # keeps each thread busy until all have begun
    ready.wait()  # the initializers
    torch.set_num_threads(count)
    ready.wait()  # the submitted waits
    return pool
