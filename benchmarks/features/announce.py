"""What takes longer than a second says so before it starts."""

from __future__ import annotations

import sys


def announce(task: str) -> None:
    """Say on standard error what is being done, in one line."""
    print(f"{task} ...", file=sys.stderr, flush=True)
