"""What figures and results were made with: code, packages, machine."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vos._version import __version__

if TYPE_CHECKING:  # records of work without a network are written without PyTorch
    import torch

_RUN_PACKAGES = ("torch", "torchvision", "timm", "numpy", "opencv-python-headless", "av", "pillow")
"""What masks and features depend on: they are in the record of every run."""

_REPORT_PACKAGES = ("matplotlib", "safetensors", "scipy")
"""What a benchmark's files, scores and pages are made with, beside the masks and features."""


def timestamp() -> str:
    """Return date, time and time zone, as every record gives them."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def package_versions() -> dict[str, str]:
    """Return the versions of Python, this project and the packages that results depend on."""
    own = {"python": platform.python_version(), "vos-toolkit": __version__}
    absent = "not installed under this name"  # another build of the module, as opencv-python
    return own | {name: installed_version(name) or absent for name in _RUN_PACKAGES}


def versions() -> dict[str, str]:
    """Return `package_versions` and the versions of what the benchmarks' figures depend on."""
    report = {name: installed_version(name) or "not installed" for name in _REPORT_PACKAGES}
    return package_versions() | report


def installed_version(package: str) -> str | None:
    """Return a package's version; None where it is not installed under this name."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_revision(folder: Path | None = None) -> str | None:
    """Return the commit of the code, with "+changes" where files differ from it.

    None where the code is not in a git checkout, as when it was installed from a package.
    """
    folder = folder or Path(__file__).resolve().parent
    commit = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if not commit or _git(folder, "ls-files", "--", ".") in {None, ""}:
        return None
    return f"{commit}+changes" if changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        completed = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return completed.stdout.strip()


def machine(device: torch.device | None = None) -> dict[str, Any]:
    """Return what the figures were computed on.

    Args:
        device: where PyTorch computed; None where it did not, which leaves out what it says.
    """
    host = {"processor": processor(), "cores": os.cpu_count(), "system": platform.platform()}
    if device is None:
        return host
    import torch

    return {
        "device": device_name(device),
        "processor": host["processor"],
        "cores": host["cores"],
        "threads": torch.get_num_threads(),
        "system": host["system"],
        "cuda": torch.version.cuda if device.type == "cuda" else None,
    }


def device_name(device: torch.device) -> str:
    """Return the name of a GPU, or of the processor."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor() if device.type == "cpu" else str(device)


def processor() -> str:
    """Return the processor's name as the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def gpu_peak_mib(device: torch.device) -> float | None:
    """Return the most memory that tensors took on a GPU so far, in MiB; None without a GPU."""
    if device.type != "cuda":
        return None
    import torch

    return torch.cuda.max_memory_allocated(device) / (1 << 20)
