"""What figures and results were made with: code, packages, machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from vos._version import __version__

_REPORT_PACKAGES = ("matplotlib", "safetensors", "scipy")


def versions() -> dict[str, str]:
    """Return the versions of the packages that the figures depend on."""
    found = package_versions()
    for name in _REPORT_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


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
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def machine(device: torch.device) -> dict[str, Any]:
    """Say what the figures were computed on."""
    return {
        "device": device_name(device),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "cuda": torch.version.cuda if device.type == "cuda" else None,
    }


def device_name(device: torch.device) -> str:
    """Return the name of a GPU, or of the processor."""
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
    return torch.cuda.max_memory_allocated(device) / (1 << 20)


_PACKAGES = ("torch", "torchvision", "timm", "numpy", "opencv-python-headless", "av", "pillow")


def package_versions() -> dict[str, str]:
    """Return the versions of Python, this project and the packages that results depend on."""
    found = {"python": platform.python_version(), "vos-toolkit": __version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # another build of the same module, such as opencv-python
            found[name] = "not installed under this name"
    return found
