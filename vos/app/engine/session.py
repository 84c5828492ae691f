"""The computing for one source: features of shown frames, masks of prompts, propagation.

Shapes: H W pixels, h w patches, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vos.app.engine.features import patch_features, propagated_features
from vos.app.engine.frame_index import FrameIndex
from vos.app.engine.jobs import PropagationJob
from vos.app.engine.prompting.object_masks import ObjectMasks
from vos.app.engine.prompting.prompt_edits import PromptEdits
from vos.app.engine.propagating.chains import Chains, Direction, digest_of, stale_ranges
from vos.app.engine.propagating.left_out import LeftOutFrames
from vos.app.engine.propagating.pass_store import PassStore
from vos.app.engine.propagating.propagation import Plan, Propagation, Version
from vos.app.engine.worker import Worker
from vos.app.project.project import Delta, Project
from vos.app.project.prompt_masks import composite
from vos.backbones.backbone import Backbone
from vos.errors import InputError
from vos.propagation.config import Mode, PropagationConfig
from vos.video.frame_store.store import FrameStore

_ALL_FRAMES = (
    "These masks came from vos segment without the labels that they were made of, so this first "
    "propagation computes all frames. Later ones compute only what a change concerns."
)
_DIRECTIONS: tuple[Direction, ...] = ("both", "forward", "backward")


class Session:
    """What the page asks of the engine for one source; any thread may call it.

    `Engine.session` makes one.
    """

    def __init__(
        self, worker: Worker, source_id: str, project: Project, frames: FrameStore
    ) -> None:
        self.source_id = source_id
        self.project = project
        self._worker = worker
        self._frames = frames
        self._index = FrameIndex(project)
        masks = ObjectMasks(self.image, self._features, project.mask, worker.limits.segmenters)
        self._edits = PromptEdits(project, masks, self._index, self.image)
        self._store = PassStore(project.folder / "cache" / "passes", worker.limits.pass_bytes)
        self.left_out = LeftOutFrames(frames, self.between_frames)
        self._jobs: dict[str, PropagationJob] = {}
        self._running: PropagationJob | None = None
        worker.when_memory_is_short(self, self._edits.forget)
        self._index.on_provisional(self._ask_for_final)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """What was last said of each job."""
        return [job.summary for job in list(self._jobs.values())]

    def show(self, frame: int) -> None:
        """Have a frame that is on the screen made ready for clicks; event `features` says when."""
        if self._features(frame) is not None and not self._index.is_provisional(frame):
            self._tell_features(frame, "ready")
        else:
            self._worker.wish(self, lambda: self.compute_features(frame))

    def add_item(self, frame: int, object_id: int, item: Mapping[str, Any]) -> Delta:
        """Draw something for an object on a frame: one step.

        Where the frame's features are not there yet, the mask is provisional, and the final one
        is added to the step when they are.

        Raises:
            InputError: there is no such frame or object, the object is locked or deleted there, or
                the item cannot be used; or the memory ran out.
            OSError: it cannot be saved; nothing is changed then.
        """
        return self._edits.add_item(frame, object_id, item)

    def remove_item(self, frame: int, object_id: int, index: int) -> Delta:
        """Take back one item of an object's prompt; with the last one goes the prompt.

        Raises:
            InputError: there is no such item, or the object is locked.
        """
        return self._edits.remove_item(frame, object_id, index)

    def clear_prompt(self, frame: int, object_id: int) -> Delta:
        """Take back all that was drawn for an object on a frame.

        Raises:
            InputError: there is nothing, or the object is locked.
        """
        return self._edits.clear_prompt(frame, object_id)

    def import_mask(
        self, frame: int, path: Path, *, object_id: int | None = None, snap: bool = False
    ) -> Delta:
        """Take a mask file for a frame: one step.

        Args:
            frame: number of the frame.
            path: of any form that `vos segment --mask` takes.
            object_id: the object that the file's only one is; without it, objects have the ids of
                the file, and those that there are not yet are made.
            snap: give pixels with stray values the nearest of the main values.

        Raises:
            InputError: the file cannot be used, or does not fit the frame.
        """
        name = self._frames.frame_name(frame)
        return self._edits.import_mask(frame, Path(path), name, object_id, snap=snap)

    def start_propagation(self, direction: str) -> str:
        """Start a propagation and return the id of the job, whose events say what it does.

        Raises:
            InputError: there is no prompt, or no such direction.
        """
        if direction not in _DIRECTIONS:
            raise InputError(f"direction {direction!r}: expected {', '.join(_DIRECTIONS)}")
        if not self._index.prompted():
            raise InputError("nothing is marked yet: click on an object in any frame first")
        way = next(known for known in _DIRECTIONS if known == direction)
        job = PropagationJob(
            self.source_id, way, self.propagate, lambda data: self._worker.emit("job", data)
        )
        self._jobs = {i: j for i, j in self._jobs.items() if not j.is_over} | {job.id: job}
        job.tell("queued")
        self._worker.add_job(job)
        return job.id

    def cancel(self, job: str) -> None:
        """Stop a job before its next frame; what it has written stays.

        Raises:
            InputError: there is no such job.
        """
        if job not in self._jobs:
            raise InputError(f"there is no job {job}")
        self._stop(self._jobs[job])

    def close(self) -> None:
        """Stop the jobs; for when the source is closed before the engine is."""
        for job in list(self._jobs.values()):
            self._stop(job)
        self._index.on_provisional(lambda _: None)
        self._worker.leave(self, self.source_id)
        self._edits.forget()

    def stale(self) -> list[list[int]]:
        """Return the ranges [first, last] of frames that a propagation would compute again."""
        prompted = self._index.prompted()
        if not prompted:
            return []
        settings = self.project.get("settings")
        count = self._frames.count
        if count is None:
            count = max(self._index.last_frame(), *prompted) + 1
        chains = Chains(self._identity(settings["mode"]), prompted)
        direction = settings["direction"]

        def stays(frame: int) -> bool:
            return frame in self._index.checked or self.left_out.is_known(frame)

        return stale_ranges(chains, direction, count, self._index.key, stays)

    def compute_features(self, frame: int) -> None:
        """Compute a shown frame's features, and the final masks that wait for them.

        It is for the worker, as all that follows.
        """
        try:
            if self._features(frame) is None:
                self._tell_features(frame, "computing")
                self._compute_shown(frame)
            self._edits.prepare(frame)
            self._edits.finish(frame)
        except Exception as error:
            self._tell_features(frame, "failed", self._worker.recover(error))
        else:
            self._tell_features(frame, "ready")

    def propagate(self, job: PropagationJob) -> dict[str, int]:
        """Do a job; raises as `Propagation.run`."""
        self._running = job
        try:
            backbone = self._worker.backbone()
            for frame in self._index.provisional():
                job.check()
                self._compute_shown(frame)
                self._edits.finish(frame)
            plan = self._plan(job.direction)
            if any(plan.keys.key(plan.direction, frame) for frame in self._index.imported()):
                job.tell("running", note=_ALL_FRAMES)
            return Propagation(
                plan, self.project, self, self._store, backbone=backbone,
                report=lambda progress: job.tell("running", **progress),
            ).run()  # fmt: skip
        finally:
            self._running = None

    def frame_count(self) -> int | None:
        """Return the number of frames, None as long as it is not known for sure."""
        return self._frames.count if self._frames.count_is_exact else None

    def image(self, frame: int) -> NDArray[np.uint8]:
        """Return a frame's picture (H, W, 3).

        Raises:
            InputError: there is no such frame, or it is damaged.
        """
        if type(frame) is not int or frame < 0:
            raise InputError(f"frame {frame!r}: expected a frame's number, from 0")
        return self._frames.frame(frame).image

    def frame_features(self, backbone: Backbone, frame: int) -> tuple[NDArray[np.uint8], Tensor]:
        """Return a frame's picture (H, W, 3) and its features (h, w, D) of unit length."""
        image, key = self.image(frame), (self.source_id, frame)
        worker = self._worker
        features = worker.shown.get(key)
        features = worker.propagated.get(key) if features is None else features
        if features is None:
            features = patch_features(backbone, image, PropagationConfig())
            worker.propagated.put(key, features)
        return image, propagated_features(features)

    def version(self, frame: int) -> Version | None:
        """Return the digest of a frame's mask now, and its key; None if it has none."""
        return self._index.version(frame)

    def is_checked(self, frame: int) -> bool:
        """Whether a frame stays as it is."""
        return frame in self._index.checked

    def between_frames(self) -> None:
        """Do what is more urgent than the running job.

        Raises:
            JobCancelledError: the job was asked to stop.
        """
        job = self._running
        if job is not None:
            job.check()
        self._worker.serve()
        if job is not None:
            job.check()

    def _stop(self, job: PropagationJob) -> None:
        job.cancel()
        if self._worker.drop_job(job):
            job.tell("cancelled")

    def _features(self, frame: int) -> Tensor | None:
        """Return a frame's features (D, h, w), None if they are not there yet."""
        features = self._worker.shown.get((self.source_id, frame))
        if features is None:
            features = self._worker.propagated.get((self.source_id, frame))
        return features

    def _compute_shown(self, frame: int) -> None:
        if self._features(frame) is None:
            image = self.image(frame)
            features = patch_features(self._worker.backbone(), image, PropagationConfig())
            self._worker.shown.put((self.source_id, frame), features)

    def _ask_for_final(self, frame: int) -> None:
        """Have the final masks of a frame computed; called while the project is locked."""
        self._worker.ask(lambda: self.compute_features(frame))

    def _tell_features(self, frame: int, state: str, error: str | None = None) -> None:
        data = {"source": self.source_id, "frame": frame, "state": state, "error": error}
        self._worker.emit("features", data)

    def _identity(self, mode: Mode) -> str:
        header = self.project.header
        numbers = asdict(PropagationConfig().in_mode(mode))
        return digest_of([numbers, header.max_size, dict(header.backbone)])

    def _plan(self, direction: Direction) -> Plan:
        """Take down what a propagation starts with.

        Raises:
            InputError: there is no prompt, or a mask is damaged.
        """
        with self.project.lock:
            mode = self.project.get("settings")["mode"]
            prompted = self._index.prompted()
            if not prompted:
                raise InputError("nothing is marked any more: click on an object first")
            prompts = {frame: composite(self.project, frame) for frame in prompted}
            versions, locked = self._index.versions(), frozenset(self._index.locked)
        identity = self._identity(mode)
        return Plan(
            direction=direction,
            prompts={frame: ids for frame, ids in prompts.items() if ids is not None},
            keys=Chains(identity, prompted),
            identity=identity,
            config=PropagationConfig().in_mode(mode),
            versions=versions,
            locked=locked,
        )
