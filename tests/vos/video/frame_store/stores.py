"""Stores of frames that tests open, compared with reading in order."""

import random
import threading
from contextlib import contextmanager, suppress

import numpy as np

from vos.errors import InputError
from vos.video.frame_store.store import FrameStore
from vos.video.reader import open_frames


@contextmanager
def indexed(source, **options):
    """Open a store and wait for its index."""
    with FrameStore(source, **options) as store:
        done = threading.Event()
        store.on_index(done.set)
        assert done.wait(20)
        yield store


def in_order(source, **options):
    """Return the frames that reading in order gives before it ends or fails."""
    frames = []
    with open_frames(source, **options) as reader, suppress(InputError):
        frames.extend(reader)
    return frames


def assert_same(frame, expected):
    assert (frame.name, frame.index, frame.time, frame.pixel_aspect) == (
        expected.name, expected.index, expected.time, expected.pixel_aspect,
    )  # fmt: skip
    assert np.array_equal(frame.image, expected.image), f"frame {frame.index}"


def assert_random_is_in_order(source, *, memory_bytes=1, wait=True, seed=0, **options):
    """Ask for all frames in several orders, by default with nothing kept; return their number."""
    expected = in_order(source, **options)
    order = 2 * list(range(len(expected)))
    random.Random(seed).shuffle(order)
    order += [*range(len(expected)), *reversed(range(len(expected)))]
    opened = indexed if wait else FrameStore
    with opened(source, memory_bytes=memory_bytes, **options) as store:
        assert store.size == expected[0].image.shape[:2]
        for place in order:
            assert_same(store.frame(expected[place].index), expected[place])
            assert store.frame_name(expected[place].index) == expected[place].name
    return len(expected)
