"""Failures as answers, also where nothing can be written about them."""

from __future__ import annotations

import errno
import json
import sys

from vos.app.server.answers import error_response


class FullDisk:
    """A stream whose disk is full."""

    def write(self, _text):
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self):
        pass


def test_a_fault_is_a_sentence_though_its_trace_cannot_be_written(monkeypatch):
    monkeypatch.setattr(sys, "stderr", FullDisk())
    for error, text in (
        (OSError(errno.EFBIG, "File too large"), "a file could not be read or written"),
        (KeyError("x"), "the server failed (KeyError"),
    ):
        answer = error_response(error)
        assert answer.status_code == 500
        assert text in json.loads(answer.body)["error"]
