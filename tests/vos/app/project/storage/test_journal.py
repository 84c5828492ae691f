"""Lines of a journal: whole or not at all."""

import os

import pytest

from vos.app.project.storage import journal as module
from vos.app.project.storage.journal import Journal
from vos.errors import InputError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def read(path):
    journal = Journal(path)
    records = list(journal.records())
    journal.close()
    return records


def test_lines_come_back_with_their_numbers(path):
    journal = Journal(path)
    for record in ({"a": 1}, ["ä", None]):
        journal.append(record, sync=True)
    journal.close()
    assert read(path) == [(1, {"a": 1}), (2, ["ä", None])]


def test_a_torn_line_is_cut_off(path):
    path.write_bytes(b'{"a": 1}\n{"a": 2}')
    assert read(path) == [(1, {"a": 1})]
    assert path.read_bytes() == b'{"a": 1}\n'
    path.write_bytes(b'{"a": 1}\n\0\0\0')
    assert read(path) == [(1, {"a": 1})]


def test_a_line_that_is_too_long_is_refused_both_ways(path, monkeypatch):
    monkeypatch.setattr(module, "MAX_LINE", 20)
    journal = Journal(path)
    with pytest.raises(OSError, match="too many for the journal"):
        journal.append("x" * 30, sync=True)
    journal.close()
    path.write_bytes(b'"' + b"x" * 30)
    with pytest.raises(InputError, match="line 1: too long"):
        read(path)
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="too many for a journal"):
        read(path)


def test_masks_that_arrive_do_not_wait_for_the_disk_each(path, monkeypatch):
    calls = []
    monkeypatch.setattr(os, "fsync", calls.append)
    journal = Journal(path)
    for number in range(50):
        journal.append(number, sync=False)
    assert len(calls) <= 5
    journal.append(50, sync=True)
    count = len(calls)
    assert count >= 1
    journal.append(51, sync=False)
    journal.close()
    assert len(calls) == count + 1


def test_a_journal_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="cannot be written to"):
        Journal(tmp_path)
