"""Signals that wait for a step's end."""

import os
import signal

import pytest

from vos.runtime.signals import StopRequest, deferred_signals


def test_a_signal_is_kept_until_asked_for_and_a_second_interrupts():
    before = signal.getsignal(signal.SIGTERM)
    with deferred_signals() as request:
        assert request.signal is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.signal == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_signals_are_left_alone(monkeypatch):
    def refuse(*_):
        raise ValueError("signal only works in main thread")

    monkeypatch.setattr(signal, "signal", refuse)
    with deferred_signals() as request:
        assert isinstance(request, StopRequest)
