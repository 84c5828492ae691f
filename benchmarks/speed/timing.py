"""Speed and memory of a frozen network (Caron et al. 2021, Table 1).

Shapes: B batch.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.reporting.advice import options_explained
from vos.backbones.backbone import Backbone
from vos.backbones.loading import load_backbone
from vos.errors import InputError
from vos.runtime.devices import resolve_precision, synchronize
from vos.runtime.precision import Precision
from vos.runtime.progress import progress

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
    """Most memory during the passes: of the GPU's tensors, or of the process. None: not known."""
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
    setting = (
        backbone.record.name,
        size,
        precision,
        batch,
        sum(p.numel() for p in backbone.network.parameters()),
        (size // backbone.stride) ** 2,
    )
    knows_peak = reset_peak(device)
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
        return Timing(*setting, None, None, None, 0)
    median = statistics.median(times)
    peak = peak_mib(device) if knows_peak else None
    return Timing(*setting, batch / median, 1000 * median, peak, len(times))


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
    """Return the most memory since `reset_peak`, in MiB; None where it is not known."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / (1 << 20)
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0]) / (1 << 10) if peaks else None


def time_all(
    backbones: Sequence[str],
    settings: Sequence[tuple[Precision, int, int]],
    device: torch.device,
    seconds: float,
) -> list[Timing]:
    """Time untrained backbones in every setting: precision, size of the images, batch.

    Raises:
        InputError: an unknown backbone; images that are smaller than a patch.
    """
    timings = []
    with progress("throughput", len(backbones) * len(settings), "settings") as advance:
        for name in backbones:
            for precision, size, batch in settings:
                with options_explained("an option of other verbs; here --backbones takes names"):
                    backbone = load_backbone(
                        name, device=device, precision=precision, untrained=True
                    )
                if size < backbone.stride:
                    raise InputError(f"images of {size} pixels are smaller than a patch of {name}")
                dtype = str(resolve_precision(precision, device)).removeprefix("torch.")
                timings.append(
                    time_backbone(
                        backbone, size=size, precision=dtype, batch=batch, seconds=seconds
                    )
                )
                advance(note=f"{name}, {size} px, {dtype}, batch {batch}")
    return timings


def report(timings: Sequence[Timing]) -> None:
    """Print what was measured."""
    print("images/s   ms/pass   peak MiB  setting")
    for t in timings:
        if t.images_per_second is None:
            figures = f"{'out of memory':>29}"
        else:
            peak = "" if t.peak_mib is None else f"{t.peak_mib:.0f}"
            figures = f"{t.images_per_second:>8.2f} {t.milliseconds:>9.1f} {peak:>10}"
        print(f"{figures}  {t.backbone}, {t.size} px, {t.precision}, batch {t.batch}")


def fastest_by_backbone(timings: Sequence[Timing]) -> dict[str, float]:
    """Return the most images per second by backbone."""
    fastest: dict[str, float] = {}
    for t in timings:
        if t.images_per_second is not None:
            fastest[t.backbone] = max(fastest.get(t.backbone, 0), t.images_per_second)
    return fastest
