"""Speed and memory of a frozen network (Caron et al. 2021, Table 1).

Shapes: B batch.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from vos.backbones.backbone import Backbone
from vos.runtime.devices import synchronize

_WARM_UP = 2
_LEAST_PASSES = 5


@dataclass(frozen=True)
class Timing:
    """What was measured of one network in one setting."""

    backbone: str
    size: int
    precision: str
    batch: int
    parameters: int
    tokens: int
    """Patches of an image."""
    images_per_second: float | None
    """None where the memory did not suffice."""
    milliseconds: float | None
    """Median time of a pass."""
    peak_mib: float | None
    """Most memory during the passes: of the GPU's tensors, or of the process. None: not told."""
    passes: int


@torch.no_grad()
def time_backbone(
    backbone: Backbone, *, size: int, precision: str, batch: int, seconds: float
) -> Timing:
    """Time passes over random images of one size.

    Two passes warm up; then at least five are timed, for at least so many seconds. The median
    counts, so that a disturbed pass does not.

    Args:
        backbone: on its device, in its precision.
        size: side of the images, in pixels.
        precision: its name, for the record.
        batch: images at once, B.
        seconds: how long to measure at least.
    """
    device = backbone.device
    told = (
        backbone.record.name,
        size,
        precision,
        batch,
        sum(p.numel() for p in backbone.network.parameters()),
        (size // backbone.stride) ** 2,
    )
    told_peak = reset_peak(device)
    try:
        images = backbone.to_input(torch.randn(batch, 3, size, size))
        for _ in range(_WARM_UP):
            backbone(images)
        synchronize(device)
        times: list[float] = []
        while len(times) < _LEAST_PASSES or sum(times) < seconds:
            start = time.perf_counter()
            backbone(images)
            synchronize(device)
            times.append(time.perf_counter() - start)
    except (torch.OutOfMemoryError, MemoryError):
        return Timing(*told, None, None, None, 0)
    median = statistics.median(times)
    peak = peak_mib(device) if told_peak else None
    return Timing(*told, batch / median, 1000 * median, peak, len(times))


def reset_peak(device: torch.device) -> bool:
    """Start anew to look for the most memory; say whether the system lets one."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return True
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # not Linux, or not allowed
        return False
    return device.type == "cpu"


def peak_mib(device: torch.device) -> float | None:
    """Return the most memory since `reset_peak`, in MiB; None where it is not told."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / (1 << 20)
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0]) / (1 << 10) if peaks else None
