"""PyTorch, loaded by a verb once its options are known to be good."""

from __future__ import annotations

import sys

from vos.errors import InputError
from vos.runtime.progress import status


def start_pytorch(threads: int | None) -> None:
    """Load PyTorch, which takes seconds, and set how many threads it computes in.

    Args:
        threads: of the processor; None leaves PyTorch's own number, which is one a core.

    Raises:
        InputError: fewer than one thread.
    """
    if threads is not None and threads < 1:
        raise InputError(f"--threads {threads}: expected 1 or more")
    if "torch" not in sys.modules:
        status("loading PyTorch")
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
