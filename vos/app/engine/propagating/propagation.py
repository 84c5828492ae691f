"""A propagation as a job: the masks of the frames that a change concerns, one after the other.

Locked objects stay as they are in frames whose masks were made with them, be it that they are not
in sight there. Where no object is locked, masks are those of `vos.segment_video`, bit for bit.

Shapes: H W pixels, h w patches, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vos.app.engine.failures import JobCancelledError
from vos.app.engine.prompting.frame_prompts import areas_of
from vos.app.engine.propagating.cached_pass import CachedPass
from vos.app.engine.propagating.chains import (
    Chains,
    Direction,
    digest_of,
    key_while_locked,
    key_with_kept,
)
from vos.app.engine.propagating.job_progress import JobProgress
from vos.app.engine.propagating.left_out import LeftOutFrames
from vos.app.engine.propagating.locked_objects import kept_objects, with_kept
from vos.app.engine.propagating.pass_store import PassStore
from vos.app.project.project import Project
from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import network_digest
from vos.errors import InputError
from vos.propagation.confidence import ObjectConfidence
from vos.propagation.config import PropagationConfig
from vos.segmentation.passes.both_passes import BothPasses, outcome_confidence
from vos.segmentation.passes.pass_labels import FrameLabels

LABEL = "Propagate"
_ROOM_EVERY = 256
"""Frames between two looks at how much of the disk is used."""

Image = NDArray[np.uint8]
Version = tuple[str, str | None]
"""Digest of a frame's mask, and its key."""


class Surroundings(Protocol):
    """What a propagation needs of its session."""

    @property
    def left_out(self) -> LeftOutFrames:
        """Which frames are damaged and left out."""

    def frame_count(self) -> int | None:
        """Return the number of frames, None as long as it is not known."""

    def frame_features(self, backbone: Backbone, frame: int) -> tuple[Image, Tensor]:
        """Return a frame's picture (H, W, 3) and features (h, w, D) of unit length."""

    def image(self, frame: int) -> Image:
        """Return a frame's picture (H, W, 3)."""

    def version(self, frame: int) -> Version | None:
        """Return what the project has for a frame now."""

    def is_checked(self, frame: int) -> bool:
        """Whether a frame stays as it is."""

    def between_frames(self) -> None:
        """Do what is more urgent.

        Raises:
            JobCancelledError: the job was asked to stop.
        """


@dataclass(frozen=True)
class Plan:
    """What a propagation starts with; changes that come later are not its own."""

    direction: Direction
    prompts: Mapping[int, NDArray[np.uint8]]
    """Masks (H, W) of ids by frame."""
    keys: Chains
    """What frames' masks depend on, as their keys say it."""
    identity: str
    """Digest of all else that masks depend on, but the network."""
    config: PropagationConfig
    versions: Mapping[int, Version]
    """What the project had for each frame when the prompts were taken."""
    locked: frozenset[int] = frozenset()
    """Objects that were locked then."""


class Propagation:
    """One propagation.

    Args:
        plan: what it starts with.
        project: takes the masks, as one step.
        around: the session.
        store: what earlier propagations left.
        backbone: the network.
        report: called a few times a second with what there is to say of the progress.

    Attributes:
        steps: frames that were propagated, in both passes, and not taken from the disk.
    """

    def __init__(
        self,
        plan: Plan,
        project: Project,
        around: Surroundings,
        store: PassStore,
        *,
        backbone: Backbone,
        report: Callable[[dict[str, Any]], None],
    ) -> None:
        self._plan = plan
        self._project = project
        self._around = around
        self._store = store
        about = digest_of([plan.identity, backbone.describe(), network_digest(backbone.network)])
        digests = {f: sha256(ids.tobytes()).hexdigest() for f, ids in plan.prompts.items()}
        self._chains = Chains(about, digests)
        self._both = BothPasses(plan.prompts)
        options: dict[str, Any] = {
            "backbone": backbone, "config": plan.config,
            "frame": lambda frame: self._frame(backbone, frame), "left_out": around.left_out,
        }  # fmt: skip
        self._forward = CachedPass("forward", plan.prompts, self._chains, store, **options)
        self._backward = CachedPass("backward", plan.prompts, self._chains, store, **options)
        self._step: int | None = None
        self._written = 0
        self._progress = JobProgress(report, self.total)

    @property
    def steps(self) -> int:
        """Frames that both passes computed."""
        return self._forward.steps + self._backward.steps

    def run(self) -> dict[str, int]:
        """Write the masks of all frames that need it; what has been written stays.

        Returns:
            How many masks were written, and how many frames were computed for it.

        Raises:
            InputError: a frame cannot be read.
            JobCancelledError: it was asked to stop, or its step was undone.
            OSError: a mask cannot be written.
        """
        self._progress.start()
        try:
            if self._plan.direction != "forward":
                for frame in range(self._chains.last - 1, -1, -1):
                    if self._needs(frame):
                        self._go_back(frame)
            if self._plan.direction != "backward":
                self._go_on_to_the_end()
        finally:
            self._progress.finish()
            self._make_room()
        return {"frames": self._written, "computed": self.steps}

    def total(self) -> int | None:
        """Return how many frames of both passes there are to do, None as long as it is unknown."""
        count = self._around.frame_count()
        if count is None:
            return None
        going_back = self._plan.direction != "forward"
        return sum(
            (going_back and frame < self._chains.last) + self._passes(frame)[0]
            for frame in range(count)
            if self._needs(frame)
        )

    def _go_on_to_the_end(self) -> None:
        frame = self._chains.first
        while (count := self._around.frame_count()) is None or frame < count:
            try:
                if self._passes(frame)[0] and self._needs(frame):
                    self._go_on(frame)
            except InputError:
                count = self._around.frame_count()  # which may be known by now
                if count is None or frame < count:
                    raise
            frame += 1

    def _go_back(self, frame: int) -> None:
        if self._around.left_out.has(frame):
            self._count()
            return
        self._backward.compute(frame)
        if not self._passes(frame)[0]:
            self._write(frame, self._backward.outcome(frame), self._backward)
        self._count()

    def _go_on(self, frame: int) -> None:
        if self._around.left_out.has(frame):
            self._count()
            return
        outcome = self._forward.outcome(frame)
        if self._passes(frame)[1]:
            image = self._around.image(frame)
            outcome = self._both.merged(
                frame, outcome, self._backward.outcome(frame), self._plan.prompts.get(frame),
                lambda labels, objects: self._forward.mask_of(frame, labels, objects, image),
            )  # fmt: skip
        self._write(frame, outcome, self._forward)
        self._count()

    def _count(self) -> None:
        self._progress.count()
        self._around.between_frames()
        if self._progress.done % _ROOM_EVERY == 0:
            self._make_room()

    def _make_room(self) -> None:
        prompted = self._plan.prompts
        chains = self._chains
        in_use = {chains.forward(f) for f in prompted} | {chains.backward(f) for f in prompted}
        for chain in in_use:
            self._store.touch(chain)
        self._store.make_room(in_use)

    def _passes(self, frame: int) -> tuple[bool, bool]:
        return self._chains.passes(self._plan.direction, frame)

    def _frame(self, backbone: Backbone, frame: int) -> tuple[Image, Tensor]:
        self._around.between_frames()
        return self._around.frame_features(backbone, frame)

    def _needs(self, frame: int) -> bool:
        """Whether a frame's mask is to be made."""
        wanted = self._plan.keys.key(self._plan.direction, frame)
        now = self._plan.versions.get(frame)
        made_with = None if now is None else key_while_locked(now[1], self._plan.locked)
        stays = self._around.is_checked(frame) or self._around.left_out.is_known(frame)
        return wanted is not None and made_with != wanted and not stays

    def _write(self, frame: int, outcome: FrameLabels, by: CachedPass) -> None:
        """Put a frame's mask into the project, unless the user has changed the frame meanwhile."""
        mask = outcome.mask
        if mask is None:
            assert outcome.labels is not None
            mask = by.mask_of(frame, outcome.labels, outcome.objects, self._around.image(frame))
        prompt = self._plan.prompts.get(frame)
        sure = outcome_confidence(outcome, prompt, self._plan.config)
        with self._project.lock:
            if self._around.is_checked(frame) or self._is_changed(frame):
                return
            self._add(frame, self._entry(frame, mask, outcome.objects, sure))

    def _entry(
        self,
        frame: int,
        mask: NDArray[np.uint8],
        objects: tuple[int, ...],
        sure: Mapping[int, ObjectConfidence],
    ) -> dict[str, Any]:
        """Return what the project is to have for a frame; it is locked meanwhile."""
        gone = self._objects_gone(frame, objects)
        ids = np.where(np.isin(mask, gone), np.uint8(0), mask)
        confidence = {str(n): s.confidence for n, s in sure.items() if n not in gone}
        kept = kept_objects(self._project, frame)
        if kept:
            before = self._project.get(f"frames/{frame}")
            ids = with_kept(ids, self._project.mask(before["mask"]), kept)
            known = before["confidence"]
            confidence = {n: value for n, value in confidence.items() if int(n) not in kept}
            confidence |= {str(n): known[str(n)] for n in kept if str(n) in known}
        return {
            "mask": self._project.put_mask(ids),
            "areas": areas_of(ids),
            "confidence": confidence,
            "origin": "prompt" if frame in self._plan.prompts else "propagation",
            "key": key_with_kept(self._plan.keys.key(self._plan.direction, frame), kept),
        }

    def _add(self, frame: int, entry: dict[str, Any]) -> None:
        changes = {f"frames/{frame}": entry}
        if self._step is None:
            self._step = self._project.change(LABEL, changes).step
        elif self._project.add_to(self._step, changes) is None:
            raise JobCancelledError  # its step was undone
        self._written += 1

    def _is_changed(self, frame: int) -> bool:
        return self._around.version(frame) != self._plan.versions.get(frame)

    def _objects_gone(self, frame: int, objects: tuple[int, ...]) -> list[int]:
        """Return the objects that are not to be in a frame's mask."""
        gone = []
        for number in objects:
            ranges = self._project.get(f"removed/{number}") or []
            is_there = self._project.get(f"objects/{number}") is not None
            if not is_there or any(first <= frame <= last for first, last in ranges):
                gone.append(number)
        return gone
