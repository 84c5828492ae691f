"""The peak of memory is this process's own."""

import subprocess
import sys

import pytest


def test_peak_memory_grows_with_what_is_held():
    pytest.importorskip("torch")  # for the process started below
    child = (
        "from vos.runtime.devices import peak_memory_mib as peak; before = peak(); "
        "held = bytearray(b'x') * (600 << 20); print(peak() - before)"
    )
    assert 550 < float(_run(child)) < 700


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child's count starts at zero")
def test_peak_memory_leaves_out_the_process_that_started_this_one():
    pytest.importorskip("torch")  # for the process started below
    held = bytearray(b"x") * (2 << 30)
    told = float(_run("from vos.runtime.devices import peak_memory_mib; print(peak_memory_mib())"))
    assert len(held) == 2 << 30
    assert 50 < told < 2048


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout
