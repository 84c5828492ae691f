"""A line on standard error before something that takes longer than a second."""

from __future__ import annotations

import os
import sys


def notice(text: str) -> None:
    """Print what begins now, once for a run: in the process of rank 0 of those of torchrun."""
    if os.environ.get("RANK", "0") == "0":
        print(f"{text} …", file=sys.stderr, flush=True)
