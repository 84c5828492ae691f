import threading
import time

import pytest

from vos.video.background import ReadAhead, WriteBehind

SECONDS = 10.0


def counted(count, produced=None, error=None):
    """Yield numbers, note how many were asked for, and end as told."""
    for number in range(count):
        if produced is not None:
            produced.append(number)
        yield number
    if error is not None:
        raise error


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_reading_ahead_keeps_the_order_and_ends():
    reader = ReadAhead(counted(50), 3)
    assert list(reader) == list(range(50))
    assert list(reader) == []
    assert reader.seconds >= 0


def test_reading_ahead_stops_at_the_size_of_the_queue():
    produced = []
    reader = ReadAhead(counted(100, produced), 3)
    wait_for(lambda: len(produced) == 4)  # three ready, one in the thread's hand
    time.sleep(0.05)
    assert len(produced) == 4
    assert next(reader) == 0
    reader.close()


def test_the_latest_item_replaces_what_waits():
    produced, go_on = [], threading.Event()

    def items():
        yield from counted(50, produced)
        go_on.wait(SECONDS)
        yield from counted(20, produced)

    reader = ReadAhead(items(), 3, latest=True)
    wait_for(lambda: len(produced) == 50)
    time.sleep(0.05)
    assert [next(reader), next(reader)] == [0, 49]  # the first one stays until it is taken
    go_on.set()
    wait_for(lambda: len(produced) == 70)
    time.sleep(0.05)
    assert list(reader) == [19]
    assert reader.seconds > 0


def test_an_error_comes_after_the_items_before_it():
    reader = ReadAhead(counted(3, error=OSError("lost")), 8)
    read = []
    with pytest.raises(OSError, match="lost"):
        for item in reader:
            read.append(item)
    assert read == [0, 1, 2]
    assert list(reader) == []


def test_a_closed_reader_closes_its_generator():
    closed = threading.Event()

    def items():
        try:
            yield from range(100)
        finally:
            closed.set()

    reader = ReadAhead(items(), 1)
    next(reader)
    reader.close()
    reader.close()
    assert closed.is_set()
    with pytest.raises(StopIteration):
        next(reader)


def test_writing_behind_does_everything_in_order_in_one_thread():
    written, threads = [], set()

    def write(item):
        written.append(item)
        threads.add(threading.get_ident())

    worker = WriteBehind(write, 2, finish=lambda: written.append("end"))
    worker.start()
    for number in (0, None, 2):  # None is an item like others
        worker.put(number)
    worker.close()
    assert written == [0, None, 2, "end"]
    assert threads != {threading.get_ident()}
    assert worker.all_written


def test_after_an_error_the_rest_is_dropped_and_the_end_still_comes():
    written = []

    def write(item):
        if item == 1:
            raise OSError("full")
        written.append(item)

    worker = WriteBehind(write, 2, finish=lambda: written.append("end"))
    worker.start()
    for number in range(5):
        worker.put(number)
    worker.close()
    assert written == [0, "end"]
    assert str(worker.error) == "full"
    assert not worker.all_written


def test_the_first_error_is_the_one_that_counts():
    def fail(text):
        raise OSError(text)

    worker = WriteBehind(fail, 2, finish=lambda: fail("at the end"))
    worker.start()
    worker.put("at an item")
    worker.close()
    assert str(worker.error) == "at an item"


@pytest.mark.parametrize("how", ["drop", "interrupt"])
def test_what_waits_is_dropped_when_asked_or_stopped(monkeypatch, how):
    go, begun = threading.Event(), threading.Event()
    written = []

    def write(item):
        begun.set()
        go.wait(SECONDS)
        written.append(item)

    worker = WriteBehind(write, 4)
    worker.start()
    for number in range(3):
        worker.put(number)
    begun.wait(SECONDS)
    join = worker._thread.join

    def interrupted():
        raise KeyboardInterrupt

    if how == "interrupt":
        monkeypatch.setattr(worker._thread, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.close()
        go.set()
        join(SECONDS)
    else:
        threading.Timer(0.05, go.set).start()
        worker.close(drop=True)
    assert written == [0]
    assert not worker.all_written
