"""Where the shared research data lie; tests that need them skip where they are absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


def _shared_root() -> Path:
    return Path(os.environ.get("VOS_SHARED_DATA", _ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (VOS_SHARED_DATA, default ../shared/data)."""
    root = _shared_root()
    if not root.is_dir():
        pytest.skip(f"research data are not at {root}; set VOS_SHARED_DATA to their folder")
    return root


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """The folder of numeric references (VOS_REFERENCE_DIR, default the shared one)."""
    root = Path(os.environ.get("VOS_REFERENCE_DIR", _shared_root() / "reference"))
    if not root.is_dir():
        pytest.skip(f"numeric references are not at {root}; set VOS_REFERENCE_DIR to their folder")
    return root
