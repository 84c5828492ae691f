"""How far a job is, told a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_REPORT_SECONDS = 0.25


class JobProgress:
    """Counts frames, and says how fast they come and how long the rest takes.

    Args:
        report: called with done, total, rate (frames a second) and remaining (seconds); what is
            not known is None.
        total: gives the frames in all, None as long as they are not known.
    """

    def __init__(
        self, report: Callable[[dict[str, Any]], None], total: Callable[[], int | None]
    ) -> None:
        self.done = 0
        self._report = report
        self._total_of = total
        self._total: int | None = None
        self._started = self._reported = time.monotonic()

    def start(self) -> None:
        """Begin to count."""
        self._started = time.monotonic()
        self._tell()

    def count(self) -> None:
        """Count a frame."""
        self.done += 1
        if time.monotonic() - self._reported >= _REPORT_SECONDS:
            self._tell()

    def finish(self) -> None:
        """Report the last frames too."""
        self._tell()

    def _tell(self) -> None:
        if self._total is None:
            self._total = self._total_of()
        self._reported = time.monotonic()
        seconds = self._reported - self._started
        rate = self.done / seconds if self.done and seconds > 0 else None
        left = None if self._total is None else max(0, self._total - self.done)
        remaining = None if rate is None or left is None else left / rate
        self._report(
            {"done": self.done, "total": self._total, "rate": rate, "remaining": remaining}
        )
