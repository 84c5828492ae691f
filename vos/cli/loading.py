"""Loading a backbone for a command, with a progress bar for the download if there is one."""

from __future__ import annotations

from contextlib import ExitStack

from vos.backbones import Backbone, BackboneOptions
from vos.runtime.progress import Advance, progress

_MEBIBYTE = 1 << 20


def load_with_progress(options: BackboneOptions) -> Backbone:
    """Load the backbone that the options ask for."""
    with ExitStack() as stack:
        return options.load(DownloadBar(stack))


class DownloadBar:
    """Shows a download in MiB; opens its bar with the first bytes."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._advance: Advance | None = None
        self._shown = 0

    def __call__(self, received: int, total: int | None) -> None:
        """Take (bytes received so far, bytes in all or None)."""
        whole = None if total is None else -(-total // _MEBIBYTE)
        if self._advance is None:
            self._advance = self._stack.enter_context(progress("download", whole, "MiB"))
        now = received // _MEBIBYTE
        if now < self._shown:  # another address, from the start
            self._shown = 0
        self._advance(now - self._shown, total=whole)
        self._shown = now
