"""Every error is told in a sentence."""

import errno

import pytest

from vos.app.engine.failures import failure_sentence, is_out_of_memory
from vos.errors import InputError


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("frame 5 is damaged"), "frame 5 is damaged"),
        (MemoryError(), "--max-size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "memory ran out"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (KeyError("x"), "KeyError"),
    ],
)
def test_errors_have_a_sentence(error, sentence, capsys):
    assert sentence in failure_sentence(error)
    assert ("KeyError" in capsys.readouterr().err) == isinstance(error, KeyError)


def test_other_errors_of_running_are_not_taken_for_missing_memory():
    assert not is_out_of_memory(RuntimeError("shapes differ"))


def test_a_trace_that_cannot_be_written_leaves_the_sentence(monkeypatch):
    class FullDisk:
        def write(self, _text):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stderr", FullDisk())
    assert "KeyError" in failure_sentence(KeyError("x"))
