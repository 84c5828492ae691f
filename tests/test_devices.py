"""The peak of memory is this process's own."""

import subprocess
import sys

import pytest

from vos.devices import peak_memory_mib


def test_peak_memory_grows_with_what_is_held():
    before = peak_memory_mib()
    held = bytearray(b"x") * (300 << 20)
    after = peak_memory_mib()
    assert len(held) == 300 << 20
    assert after >= before
    assert after > 300


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child's count starts at zero")
def test_peak_memory_leaves_out_the_process_that_started_this_one():
    held = bytearray(b"x") * (2 << 30)
    child = "from vos.devices import peak_memory_mib; print(peak_memory_mib())"
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    assert len(held) == 2 << 30
    assert 50 < float(done.stdout) < 2048
