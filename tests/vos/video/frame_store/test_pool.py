"""Decoders that threads take in turns."""

import threading

import pytest

from vos.video.frame_store.pool import DecoderPool


class Place:
    """A decoder that goes on from a place."""

    def __init__(self):
        self.place = 0
        self.closed = False

    def continues_to(self, place):
        return self.place <= place

    def close(self):
        self.closed = True


def test_the_decoder_that_goes_on_is_taken():
    pool = DecoderPool(Place, 2)
    with pool.take(0) as first, pool.take(0) as second:
        first.place, second.place = 9, 3
    with pool.take(5) as taken:
        assert taken is second
    with pool.take(2, spread=True) as taken:
        assert taken in (first, second)


def test_another_is_opened_rather_than_begin_anew():
    pool = DecoderPool(Place, 2)
    with pool.take(0) as first:
        first.place = 9
    with pool.take(2) as taken:
        assert taken is first
    with pool.take(2, spread=True) as taken:
        assert taken is not first


def test_a_thread_waits_for_a_free_one():
    pool = DecoderPool(Place, 1)
    taken = threading.Event()

    def take():
        with pool.take(0):
            taken.set()

    with pool.take(0):
        thread = threading.Thread(target=take)
        thread.start()
        assert not taken.wait(0.1)
    assert taken.wait(5)
    thread.join()


def test_one_that_cannot_be_opened_takes_no_place():
    made = []

    def make():
        made.append(Place())
        if len(made) == 1:
            raise ValueError
        return made[-1]

    pool = DecoderPool(make, 1)
    with pytest.raises(ValueError), pool.take(0):
        pass
    with pool.take(0) as decoder:
        assert decoder is made[1]


def test_closing_and_dropping():
    pool = DecoderPool(Place, 1)
    with pool.take(0) as first:
        pool.drop()
        assert not first.closed
    pool.drop()
    assert first.closed
    with pool.take(0) as second:
        pool.close()
        assert not second.closed
    assert second.closed
