"""Where a backbone's weights came from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WeightsRecord:
    """Where a backbone's weights came from."""

    name: str
    source: str
    """The file's path, `timm` or `untrained`."""
    sha256: str | None
    layout: str
