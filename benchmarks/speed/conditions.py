"""What the times of a speed benchmark were taken on."""

from __future__ import annotations

import platform
from typing import Any

from vos.runtime.provenance import installed_version, machine

_PACKAGES = ("vos-toolkit", "vos-benchmark", "numpy", "opencv-python-headless", "pillow")
"""What scores are computed with; None where one is not installed."""


def conditions() -> dict[str, Any]:
    """Return the machine, Python and the packages that scores are computed with."""
    return {
        **machine(),
        "python": platform.python_version(),
        "versions": {name: installed_version(name) for name in _PACKAGES},
    }
