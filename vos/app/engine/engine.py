"""The computing for all sources that are open."""

from __future__ import annotations

from collections.abc import Callable

from vos.app.engine.features import MemoryLimits
from vos.app.engine.session import Session
from vos.app.engine.worker import Emit, Worker
from vos.app.project.project import Project
from vos.backbones.backbone import Backbone
from vos.video.frame_store.store import FrameStore


class Engine:
    """One worker thread for all sessions.

    A job runs after the other. Between two frames of a job, the features of shown frames are
    computed, and what depends on them. The thread outlives whatever a job raises.

    Args:
        load_backbone: called in the worker when a network is needed first; where it fails, it is
            called again at the next need.
        emit: takes events `job` and `features` with their data, in any thread.
        limits: how much is kept.
    """

    def __init__(
        self,
        load_backbone: Callable[[], Backbone],
        emit: Emit,
        *,
        limits: MemoryLimits | None = None,
    ) -> None:
        self._worker = Worker(load_backbone, emit, limits or MemoryLimits())

    def session(self, source_id: str, project: Project, frames: FrameStore) -> Session:
        """Return what computes for one source.

        Args:
            source_id: stands in the events.
            project: takes the masks.
            frames: the source.
        """
        return Session(self._worker, source_id, project, frames)

    def close(self) -> None:
        """Stop the running job at its next frame, and the thread."""
        self._worker.close()
