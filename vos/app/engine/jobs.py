"""A propagation as the page sees it: its id, its state, and how it is stopped."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

from vos.app.engine.failures import JobCancelledError
from vos.app.engine.propagating.chains import Direction


class PropagationJob:
    """One propagation of a session.

    Args:
        source_id: whose.
        direction: which way.
        work: does it, in the worker.
        emit: takes the data of its events.
    """

    def __init__(
        self,
        source_id: str,
        direction: Direction,
        work: Callable[[PropagationJob], dict[str, int]],
        emit: Callable[[dict[str, Any]], None],
    ) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.direction = direction
        self._work = work
        self._emit = emit
        self._stop = threading.Event()
        self._last: dict[str, Any] = {
            "source": source_id, "job": self.id, "kind": "propagate", "state": "queued",
            "done": 0, "total": None, "rate": None, "remaining": None, "error": None,
            "result": None, "note": None,
        }  # fmt: skip

    @property
    def summary(self) -> dict[str, Any]:
        """What the last event said."""
        return dict(self._last)

    @property
    def is_over(self) -> bool:
        """Whether it has ended, one way or another."""
        return self._last["state"] in ("done", "cancelled", "failed")

    def cancel(self) -> None:
        """Have it stop before its next frame."""
        self._stop.set()

    def check(self) -> None:
        """Stop here if that was asked for.

        Raises:
            JobCancelledError: it was.
        """
        if self._stop.is_set():
            raise JobCancelledError

    def tell(self, state: str, **values: Any) -> None:
        """Emit an event with a state and what is new."""
        self._last = {**self._last, "state": state, **values}
        if self.is_over:
            self._last["remaining"] = None
        self._emit(self.summary)

    def run(self) -> dict[str, int]:
        """Do it, in the worker; raises as `Propagation.run`."""
        self.check()
        return self._work(self)
