"""The processor, the GPUs, and what PyTorch makes of them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vos.doctor.check import Check, attempt
from vos.runtime.provenance import processor

if TYPE_CHECKING:
    import torch

_GROUP = "devices"
_FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
"""Names in /proc/cpuinfo of what makes the CPU's speed differ most."""


def device_checks() -> Iterator[Check]:
    """Give the processor, memory, threads, CUDA and MPS."""
    yield Check(_GROUP, "processor", "ok", _processor_text())
    memory = _memory_gib()
    if memory is not None:
        yield Check(_GROUP, "memory", "ok", f"{memory:.1f} GiB")
    if importlib.util.find_spec("torch") is None:
        return  # the versions say so
    advice = "reinstall it: pip install --force-reinstall torch"
    yield attempt(_GROUP, "PyTorch on the CPU", _cpu, advice)
    yield _cuda()
    yield _mps()


def _processor_text() -> str:
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split())
    except OSError:  # not Linux
        flags = set()
    features = [name for name in _FEATURES if name in flags]
    return ", ".join([processor(), f"{os.cpu_count()} cores", *features])


def _memory_gib() -> float | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _cpu() -> str:
    import torch

    from vos.runtime.devices import precision_name, resolve_precision

    device = torch.device("cpu")
    _multiply(device)
    precision = precision_name(resolve_precision("auto", device))
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{torch.get_num_threads()} threads, {capability}, --precision auto is {precision}"


def _cuda() -> Check:
    import torch

    advice = "see pytorch.org for the build that fits the driver; --device cpu works without a GPU"
    if torch.cuda.is_available():
        return attempt(_GROUP, "CUDA", _cuda_text, advice)
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        build = torch.version.cuda
        has = f"is built for CUDA {build}" if build else "is built without CUDA"
        detail = f"an NVIDIA driver is here, but PyTorch sees no GPU; it {has}"
        return Check(_GROUP, "CUDA", "fails", detail, advice)
    return Check(_GROUP, "CUDA", "absent", "no GPU of NVIDIA; everything runs on the CPU")


def _cuda_text() -> str:
    import torch

    from vos.runtime.devices import precision_name, resolve_precision

    lines = [f"built for {torch.version.cuda}"]
    for number in range(torch.cuda.device_count()):
        device = torch.device("cuda", number)
        _multiply(device)
        properties = torch.cuda.get_device_properties(device)
        lines.append(
            f"cuda:{number} {properties.name}, {properties.total_memory / (1 << 30):.0f} GiB, "
            f"compute {properties.major}.{properties.minor}, --precision auto is "
            f"{precision_name(resolve_precision('auto', device))}"
        )
    return "; ".join(lines)


def _mps() -> Check:
    import torch

    if torch.backends.mps.is_available():
        return attempt(_GROUP, "MPS", _mps_text, "use --device cpu, and report it")
    if sys.platform != "darwin":
        return Check(_GROUP, "MPS", "absent", "for Apple's GPUs only")
    return Check(_GROUP, "MPS", "absent", "this Mac or this build of PyTorch has none")


def _mps_text() -> str:
    import torch

    _multiply(torch.device("mps"))
    return "works"


def _multiply(device: torch.device) -> None:
    """Multiply two small matrices.

    Raises:
        RuntimeError: the product is wrong, or the device cannot compute.
    """
    import torch

    ones = torch.ones(64, 64, device=device)
    if not bool((ones @ ones == 64).all()):
        raise RuntimeError(f"a product of matrices on {device} is wrong")
