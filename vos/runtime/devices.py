"""Which device and which precision to compute in."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

import torch
from torch import Tensor

from vos.errors import InputError

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device that was asked for; `auto` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        InputError: no such device on this machine.
    """
    if str(device) == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        wanted = torch.device(device)
    except RuntimeError:
        raise InputError(
            f"device {str(device)!r} is not known; give auto, cpu, cuda, cuda:1 or mps"
        ) from None
    if wanted.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (wanted.index or 0) >= count:
            raise InputError(
                f"device {wanted} was asked for, but PyTorch {torch.__version__} sees {count} CUDA "
                "devices here; use --device cpu, or install a driver and a CUDA build of PyTorch"
            )
    if wanted.type == "mps" and not torch.backends.mps.is_available():
        raise InputError("device mps was asked for, but this machine has none; use --device cpu")
    return wanted


def resolve_precision(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype to compute features in.

    `auto` is bf16 where the hardware has it natively, else float32 on a CPU or on MPS and fp16 on
    an older GPU.

    Raises:
        InputError: an unknown precision.
    """
    if precision in _DTYPES:
        return _DTYPES[precision]
    if precision != "auto":
        raise InputError(f"precision {precision!r} is not known; give auto, fp32, bf16 or fp16")
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if native else torch.float16
    if device.type == "cpu" and cpu_has_bf16():
        return torch.bfloat16
    return torch.float32


def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (AVX-512 BF16, AMX, Arm BF16)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split()
    except OSError:  # not Linux: no portable way to ask, so the safe answer
        return False
    return bool({"avx512_bf16", "amx_bf16", "bf16"}.intersection(flags))


def precision_name(dtype: torch.dtype) -> str:
    """Return the name of a dtype as the command line spells it."""
    return next((name for name, known in _DTYPES.items() if known == dtype), str(dtype))


def set_exact_products(device: torch.device) -> None:
    """Let matrix products and convolutions on a GPU keep the precision that was asked for.

    float32 is then float32, not TF32, which PyTorch takes for convolutions unless it is told not
    to; and sums of 16-bit products are not rounded to 16 bits on the way. Nothing on other devices.
    """
    if device.type != "cuda":
        return
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False


def takes_tf32() -> bool:
    """Whether float32 products or convolutions on a GPU are TF32."""
    return bool(torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32)


def as_float64(values: Tensor) -> Tensor:
    """Return values in float64 on their device, or on the CPU where theirs has no float64 (MPS)."""
    return values.cpu().double() if values.device.type == "mps" else values.double()


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what was asked of it, so that a clock tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak_memory_mib() -> float | None:
    """Return the process's largest resident memory so far in MiB; None where it is not told."""
    with contextlib.suppress(OSError):  # Linux; its `getrusage` counts what started us, too
        told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        if told:
            return int(told[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
