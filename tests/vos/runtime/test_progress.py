import re
from contextlib import ExitStack

import pytest

from vos.runtime.progress import CountProgress, progress


def test_a_count_opens_with_the_first_frame_or_where_the_total_is_known(capsys):
    with ExitStack() as stack:
        CountProgress(stack, "waits")
    assert capsys.readouterr().err == ""
    with ExitStack() as stack:
        CountProgress(stack, "known", 3)
    assert capsys.readouterr().err.startswith("known: 0/3 frames")


def test_counts_are_shown_as_steps(capsys):
    with ExitStack() as stack:
        shown = CountProgress(stack, "count")
        shown(2, 5)
        shown(5, 5, "last")
    assert capsys.readouterr().err.startswith("count: 5/5 frames")


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test turns."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    turned = Clock()
    monkeypatch.setattr("vos.runtime.progress.time", turned)
    return turned


def test_plain_lines_tell_rate_and_time_left(capsys, clock):
    with progress("segment", 100) as advance:
        for _ in range(10):
            clock.now += 1
            advance(note="J 0.7")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "segment: 5/100 frames, 1.00 frames/s, 1:35 left, J 0.7",
        "segment: 10/100 frames, 1.00 frames/s, 1:30 left, J 0.7",
        "segment: 10/100 frames, 1.00 frames/s, 1:30 left, done",
    ]


def test_plain_lines_of_long_work_and_unknown_totals(capsys, clock):
    with progress("download", None, "MiB") as advance:
        clock.now += 10
        advance(5)
        clock.now += 10
        advance(5, total=100_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "download: 5 MiB, 0.50 MiB/s"
    assert lines[1] == "download: 10/100000 MiB, 0.50 MiB/s, 55:33:00 left"


def test_a_stopped_display_does_not_say_done(capsys):
    with pytest.raises(KeyboardInterrupt), progress("segment", 3) as advance:
        advance()
        raise KeyboardInterrupt
    assert "done" not in capsys.readouterr().err


def test_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress("segment", None) as advance:
        advance(total=4, note="good")
        advance(3)
    told = capsys.readouterr().err
    assert "segment" in told
    assert "4/4" in told
    assert "frames/s" in told


def test_a_bar_shows_one_time_and_says_what_it_is(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("vos.runtime.progress._Clock.rate", 0.1)
    with progress("segment", 100) as advance:
        advance(10)
        last = capsys.readouterr().err.rpartition("segment")[2]
        assert re.findall(r"\d*:?\d+:\d\d( \w+)?", last) == [" left"]
        assert "15:00 left" in last
        advance(90)
    assert ":" not in capsys.readouterr().err.rpartition("segment")[2]


def test_a_note_is_shown_until_a_call_has_its_own(capsys, clock):
    with ExitStack() as stack:
        shown = CountProgress(stack, "segment", 40)
        shown.note("backward pass")
        for done, note in ((10, ""), (20, "J 0.7"), (30, "")):
            clock.now += 5
            shown(done, 40, note)
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(", ")[2] for line in lines[:3]] == [
        "backward pass", "J 0.7", "backward pass"
    ]  # fmt: skip
