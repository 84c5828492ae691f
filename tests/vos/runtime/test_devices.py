"""The peak of memory is this process's own."""

import subprocess
import sys

import pytest
import torch
from torch._subclasses import FakeTensorMode

from vos.runtime.devices import as_float64, set_exact_products, takes_tf32


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


@pytest.fixture
def restored_flags():
    matmul = torch.backends.cuda.matmul
    names = (
        "allow_tf32",
        "allow_bf16_reduced_precision_reduction",
        "allow_fp16_reduced_precision_reduction",
    )
    before = {name: getattr(matmul, name) for name in names}
    convolutions = torch.backends.cudnn.allow_tf32
    yield matmul
    torch.backends.cudnn.allow_tf32 = convolutions
    for name, value in before.items():
        setattr(matmul, name, value)


def test_float32_on_a_gpu_is_not_tf32(restored_flags):
    torch.backends.cudnn.allow_tf32 = True  # PyTorch's choice
    restored_flags.allow_bf16_reduced_precision_reduction = True
    set_exact_products(torch.device("cpu"))
    assert takes_tf32()
    set_exact_products(torch.device("cuda"))
    assert not takes_tf32()
    assert not restored_flags.allow_bf16_reduced_precision_reduction
    assert not restored_flags.allow_fp16_reduced_precision_reduction


def test_a_mac_widens_on_the_cpu_as_its_gpu_has_no_float64():
    with FakeTensorMode():
        on_mac = as_float64(torch.empty(3, device="mps"))
        assert (on_mac.device.type, on_mac.dtype) == ("cpu", torch.float64)
        on_gpu = as_float64(torch.empty(3, device="cuda", dtype=torch.int64))
        assert (on_gpu.device.type, on_gpu.dtype) == ("cuda", torch.float64)


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout
