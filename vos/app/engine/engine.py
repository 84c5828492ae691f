"""The one thread that computes for all sessions: what the user waits for goes before jobs."""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from vos.app.engine.failures import JobCancelledError, failure_sentence, is_out_of_memory
from vos.app.engine.features import FeatureCache, MemoryLimits
from vos.app.engine.session import Session
from vos.app.project.project import Project
from vos.backbones.backbone import Backbone
from vos.video.frame_store.store import FrameStore

if TYPE_CHECKING:
    from vos.app.engine.jobs import PropagationJob

Emit = Callable[[str, dict[str, Any]], None]
"""Takes the name of an event and its data; called in any thread."""


class Engine:
    """One worker thread for all sessions.

    A job runs after the other. Between two frames of a job, the features of shown frames are
    computed, and what depends on them. The thread outlives whatever a job raises.

    Args:
        load_backbone: called in the worker when a network is needed first; where it fails, it is
            called again at the next need.
        emit: takes events `job` and `features`.
        limits: how much is kept.
    """

    def __init__(
        self,
        load_backbone: Callable[[], Backbone],
        emit: Emit,
        *,
        limits: MemoryLimits | None = None,
    ) -> None:
        self.emit = emit
        self.limits = limits or MemoryLimits()
        self.shown = FeatureCache(self.limits.shown_bytes)
        self.propagated = FeatureCache(self.limits.propagated_bytes)
        self._load = load_backbone
        self._backbone: Backbone | None = None
        self._wake = threading.Condition()
        self._urgent: deque[Callable[[], None]] = deque()
        self._wishes: dict[Session, int] = {}
        self._jobs: deque[PropagationJob] = deque()
        self._running: PropagationJob | None = None
        self._sessions: list[Session] = []
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="vos-engine", daemon=True)
        self._thread.start()

    def session(self, source_id: str, project: Project, frames: FrameStore) -> Session:
        """Return what computes for one source.

        Args:
            source_id: stands in the events.
            project: takes the masks.
            frames: the source.
        """
        session = Session(self, source_id, project, frames)
        self._sessions.append(session)
        return session

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
        """Return the network, loaded at the first call; for the worker alone.

        Raises:
            InputError: there are no weights, or others are needed.
        """
        if self._backbone is None:
            self._backbone = self._load()
        return self._backbone

    def wish(self, session: Session, frame: int) -> None:
        """Have a shown frame's features computed soon; a later wish of the session replaces it."""
        with self._wake:
            self._wishes.pop(session, None)
            self._wishes[session] = frame
            self._wake.notify_all()

    def ask(self, call: Callable[[], None]) -> None:
        """Have something done by the worker, before the next frame of a job."""
        with self._wake:
            self._urgent.append(call)
            self._wake.notify_all()

    def add_job(self, job: PropagationJob) -> None:
        """Put a job behind the others."""
        with self._wake:
            self._jobs.append(job)
            self._wake.notify_all()

    def serve(self) -> None:
        """Do all that goes before jobs; for the worker alone."""
        while True:
            with self._wake:
                if self._is_closing:
                    return
                if self._urgent:
                    call = self._urgent.popleft()
                elif self._wishes:
                    session, frame = self._wishes.popitem()  # the newest
                    call = _features_of(session, frame)
                else:
                    return
            try:
                call()
            except Exception as error:
                self.recover(error)

    def recover(self, error: BaseException) -> str:
        """Free memory where that was the trouble, and return what to tell the user."""
        if is_out_of_memory(error):
            self.shown.clear()
            self.propagated.clear()
            for session in self._sessions:
                session.forget()
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
                self._run(job)
                self._running = None

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


def _features_of(session: Session, frame: int) -> Callable[[], None]:
    return lambda: session.compute_features(frame)
