"""The one thread that computes: what the user waits for goes before jobs, and nothing ends it."""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

import torch

from vos.app.engine.failures import JobCancelledError, failure_sentence, is_out_of_memory
from vos.app.engine.features import FeatureCache, MemoryLimits
from vos.app.engine.jobs import PropagationJob
from vos.backbones.backbone import Backbone

Emit = Callable[[str, dict[str, Any]], None]
"""Takes the name of an event and its data; called in any thread."""


class Worker:
    """A thread with its jobs, with the network, and with the features of frames.

    Args:
        load_backbone: called in the thread when a network is needed first; where it fails, it is
            called again at the next need.
        emit: takes events.
        limits: how much is kept.

    Attributes:
        shown: features of frames that were shown.
        propagated: features of frames that propagations went through.
    """

    def __init__(
        self,
        load_backbone: Callable[[], Backbone],
        emit: Emit,
        limits: MemoryLimits,
    ) -> None:
        self.emit = emit
        self.limits = limits
        self.shown = FeatureCache(self.limits.shown_bytes)
        self.propagated = FeatureCache(self.limits.propagated_bytes)
        self._load = load_backbone
        self._backbone: Backbone | None = None
        self._wake = threading.Condition()
        self._urgent: deque[Callable[[], None]] = deque()
        self._wishes: dict[Hashable, Callable[[], None]] = {}
        self._jobs: deque[PropagationJob] = deque()
        self._running: PropagationJob | None = None
        self._forget: dict[Hashable, Callable[[], None]] = {}
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="vos-engine", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the running job at its next frame, and the thread."""
        with self._wake:
            self._is_closing = True
            jobs = [*self._jobs, *([self._running] if self._running else [])]
            self._wake.notify_all()
        for job in jobs:
            job.cancel()
        self._thread.join()

    def backbone(self) -> Backbone:
        """Return the network, loaded at the first call; for the thread alone.

        Raises:
            InputError: there are no weights, or others are needed.
        """
        if self._backbone is None:
            self._backbone = self._load()
        return self._backbone

    def wish(self, of: Hashable, call: Callable[[], None]) -> None:
        """Have something done soon, newest first; a later wish of the same one replaces it."""
        with self._wake:
            self._wishes.pop(of, None)
            self._wishes[of] = call
            self._wake.notify_all()

    def leave(self, of: Hashable, source_id: str) -> None:
        """Drop the wish of one that is not there any more, and all that is kept of its source.

        The source may be another one when it is opened again.
        """
        with self._wake:
            self._wishes.pop(of, None)
            self._forget.pop(of, None)
        for cache in (self.shown, self.propagated):
            cache.drop_source(source_id)

    def ask(self, call: Callable[[], None]) -> None:
        """Have something done by the thread, before the next frame of a job."""
        with self._wake:
            self._urgent.append(call)
            self._wake.notify_all()

    def add_job(self, job: PropagationJob) -> None:
        """Put a job behind the others."""
        with self._wake:
            self._jobs.append(job)
            self._wake.notify_all()

    def serve(self) -> None:
        """Do all that goes before jobs; for the thread alone."""
        while True:
            with self._wake:
                if self._is_closing:
                    return
                if self._urgent:
                    call = self._urgent.popleft()
                elif self._wishes:
                    _, call = self._wishes.popitem()  # the newest
                else:
                    return
            try:
                call()
            except Exception as error:
                self.recover(error)

    def drop_job(self, job: PropagationJob) -> bool:
        """Take a job out of the queue; return whether it was still in it."""
        with self._wake:
            if job not in self._jobs:
                return False
            self._jobs.remove(job)
            return True

    def when_memory_is_short(self, of: Hashable, forget: Callable[[], None]) -> None:
        """Have a function called that frees memory, where there is none left, up to `leave`."""
        with self._wake:
            self._forget[of] = forget

    def recover(self, error: BaseException) -> str:
        """Free memory where that was the trouble, and return what to tell the user."""
        if is_out_of_memory(error):
            self.shown.clear()
            self.propagated.clear()
            with self._wake:
                forgetting = list(self._forget.values())
            for forget in forgetting:
                forget()
            error.__traceback__ = None  # it holds what the frames of calls do
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return failure_sentence(error)

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._is_closing or self._urgent or self._wishes or self._jobs):
                    self._wake.wait()
                if self._is_closing:
                    return
            self.serve()
            with self._wake:
                job = self._jobs.popleft() if self._jobs and not self._is_closing else None
                self._running = job
            if job is not None:
                try:
                    self._run(job)
                except Exception as error:  # of who hears the events; the next job runs
                    self.recover(error)
                self._running = job = None  # a job that is over keeps no session alive

    def _run(self, job: PropagationJob) -> None:
        try:
            job.tell("running")
            result = job.run()
        except JobCancelledError:
            job.tell("cancelled")
        except Exception as error:
            job.tell("failed", error=self.recover(error))
        else:
            job.tell("done", result=result)
