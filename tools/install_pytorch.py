"""Install PyTorch: `python tools/install_pytorch.py [--dry-run]`, into this Python's environment.

It needs nothing but pip. On Linux without an NVIDIA GPU it takes PyTorch's CPU build, which is much
smaller, from PyTorch's own package index. Where pip's settings name where packages come from, that
is left as it is.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PACKAGES = ("torch", "torchvision")
_SECONDS = 5  # to wait for the index
_SOURCES = ("index-url", "extra-index-url", "find-links", "no-index")
"""Settings of pip that say where packages come from."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Install both packages, and return pip's exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words not in ([], ["--dry-run"]):
        print("usage: python tools/install_pytorch.py [--dry-run]", file=sys.stderr)
        return 2
    if all(importlib.util.find_spec(name) for name in PACKAGES):
        print("PyTorch: installed already")
        return 0
    own_sources = names_sources(os.environ, pip_settings())
    index, why = choose_index(
        sys.platform, gpu=has_nvidia_gpu(), own_sources=own_sources, reachable=is_reachable
    )
    print(f"PyTorch: {why}", flush=True)
    status = _install(index, dry="--dry-run" in words)
    if status and index:
        print("PyTorch: that did not work; taking what pip's own index has", flush=True)
        status = _install(None, dry="--dry-run" in words)
    return status


def choose_index(
    platform: str, *, gpu: bool, own_sources: bool, reachable: Callable[[str], bool]
) -> tuple[str | None, str]:
    """Say from which package index PyTorch comes, and why.

    Args:
        platform: as `sys.platform`.
        gpu: whether the machine has an NVIDIA GPU.
        own_sources: whether pip's settings name where packages come from.
        reachable: whether an index answers; asked only if the answer matters.

    Returns:
        The index's address, None for pip's own, and a sentence about what is downloaded.
    """
    if own_sources:
        return None, (
            "pip's settings name where packages come from, so its build is taken. The CPU build is "
            "a download of about 0.2 GB, the CUDA build with NVIDIA's libraries one of 2 to 3 GB"
        )
    if platform != "linux":
        return None, "downloading the build of this system, 0.1 to 0.3 GB"
    if gpu:
        return None, (
            "an NVIDIA GPU is here; downloading the CUDA build with NVIDIA's libraries, 2 to 3 GB "
            "(5.6 GB installed)"
        )
    if not reachable(f"{CPU_INDEX}/torch/"):
        return None, (
            f"no NVIDIA GPU is here, but {CPU_INDEX} does not answer; downloading the build of "
            "pip's own index, which may be the CUDA build (2 to 3 GB, 5.6 GB installed)"
        )
    return CPU_INDEX, f"no NVIDIA GPU is here; downloading the CPU build, 0.2 GB, from {CPU_INDEX}"


def has_nvidia_gpu() -> bool:
    """Whether the machine has an NVIDIA driver."""
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia/version").exists()


def names_sources(environment: Mapping[str, str], settings: str) -> bool:
    """Whether pip's variables, or settings as `pip config list` prints them, name a source."""
    variables = {f"PIP_{name.upper().replace('-', '_')}" for name in _SOURCES}
    if any(environment.get(name) for name in variables):
        return True
    names = (line.partition("=")[0].rpartition(".")[2] for line in settings.splitlines())
    return any(name in _SOURCES for name in names)


def pip_settings() -> str:
    """Return what `pip config list` prints; nothing where it fails."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def is_reachable(address: str) -> bool:
    """Whether an address answers within seconds."""
    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as answer:
            return bool(200 <= answer.status < 300)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def _install(index: str | None, *, dry: bool) -> int:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--prefer-binary"]
    command += [*(["--index-url", index] if index else []), *PACKAGES]
    if dry:
        print(" ".join(command))
        return 0
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
