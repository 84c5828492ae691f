"""Changes of the prompts of a frame, each one step of the project's history.

Shapes: H W pixels of the frame.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.app.engine.failures import failure_sentence, is_out_of_memory
from vos.app.engine.frame_index import FrameIndex
from vos.app.engine.prompting.frame_prompts import Entry, FramePrompts, moved_to_top
from vos.app.engine.prompting.imports import imported_objects
from vos.app.engine.prompting.items import check_count, checked_item
from vos.app.engine.prompting.object_masks import ObjectMasks
from vos.app.project.project import Delta, Project
from vos.errors import InputError

_LABELS = {
    "click": "Click",
    "box": "Box",
    "stroke": "Brush",
    "polygon": "Polygon",
    "mask": "Mask",
}
_MOST_STEPS = 100


class PromptEdits:
    """Draws on frames, and takes back what was drawn; for any thread.

    Args:
        project: what is changed.
        masks: makes the masks.
        index: of the project.
        image: gives a frame's picture, RGB uint8 (H, W, 3).
    """

    def __init__(
        self,
        project: Project,
        masks: ObjectMasks,
        index: FrameIndex,
        image: Callable[[int], NDArray[np.uint8]],
    ) -> None:
        self._project = project
        self._masks = masks
        self._index = index
        self._image = image
        self._prompts = FramePrompts(project, masks)
        self._lock = threading.RLock()  # taken before the project's own lock, never after it
        self._steps: defaultdict[int, list[int]] = defaultdict(list)  # with provisional masks

    def add_item(self, frame: int, object_id: int, item: Mapping[str, Any]) -> Delta:
        """Draw something; see `Session.add_item`."""
        size = self._size(frame)
        checked = checked_item(item, size)
        with self._lock:
            self._check_object(frame, object_id)
            if checked["type"] == "mask":
                self._check_mask(checked["mask"], size)
            entries = self._prompts.entries(frame)
            entry = entries.get(object_id) or self._new_entry(frame, object_id)
            check_count(entry["items"])
            entries[object_id] = {**entry, "items": [*entry["items"], checked]}
            return self._change(_LABELS[checked["type"]], frame, self._on_top(entries, object_id))

    def remove_item(self, frame: int, object_id: int, index: int) -> Delta:
        """Take back an item; see `Session.remove_item`."""
        with self._lock:
            self._check_object(frame, object_id)
            entries = self._prompts.entries(frame)
            items = entries[object_id]["items"] if object_id in entries else []
            if type(index) is not int or not 0 <= index < len(items):
                raise InputError(
                    f"object {object_id} has no item {index!r} on frame {frame}; it has "
                    f"{len(items)}, counted from 0"
                )
            if len(items) == 1:
                return self.clear_prompt(frame, object_id)
            kept = [item for place, item in enumerate(items) if place != index]
            entries[object_id] = {**entries[object_id], "items": kept}
            return self._change("Remove a mark", frame, self._on_top(entries, object_id))

    def clear_prompt(self, frame: int, object_id: int) -> Delta:
        """Take back an object's prompt; see `Session.clear_prompt`."""
        with self._lock:
            self._check_object(frame, object_id)
            entries = self._prompts.entries(frame)
            if entries.pop(object_id, None) is None:
                raise InputError(f"object {object_id} has no prompt on frame {frame}")
            return self._change("Clear the prompt", frame, entries)

    def import_mask(
        self, frame: int, path: Path, frame_name: str, object_id: int | None, *, snap: bool
    ) -> Delta:
        """Take a mask file; see `Session.import_mask`."""
        size = self._size(frame)
        with self._lock:
            masks, new = imported_objects(
                self._project, path, frame_name, size, object_id, snap=snap
            )
            entries = self._prompts.entries(frame)
            for number, digest in masks.items():
                if number not in new:
                    self._check_object(frame, number)
                entry = entries.get(number) or self._new_entry(frame, number)
                check_count(entry["items"])
                item = {"type": "mask", "mask": digest}
                entries[number] = {**entry, "items": [*entry["items"], item]}
                entries = self._on_top(entries, number)
            objects = {f"objects/{number}": entry for number, entry in new.items()}
            return self._change("Import a mask", frame, entries, objects)

    def finish(self, frame: int) -> None:
        """Put final masks in the place of provisional ones; the features are there.

        They join the step that left the provisional ones, so that one undo takes both.

        Raises:
            InputError: a mask or the frame cannot be read.
            OSError: it cannot be saved.
        """
        with self._lock:
            if not self._index.is_provisional(frame):
                return
            changes, is_final = self._changes(frame, self._prompts.entries(frame))
            if not is_final:
                return
            for step in reversed(self._steps[frame]):
                if self._project.add_to(step, changes) is not None:
                    return
            self._project.change("Finish a mask", changes)  # begun before the project was opened

    def prepare(self, frame: int) -> None:
        """Make a frame whose features are there ready for clicks.

        Raises:
            InputError: the frame cannot be read.
        """
        with self._lock:
            self._masks.prepare(frame)

    def forget(self) -> None:
        """Free memory, unless a mask is being made."""
        if self._lock.acquire(timeout=1):
            try:
                self._masks.forget()
            finally:
                self._lock.release()

    def _change(
        self,
        label: str,
        frame: int,
        entries: Mapping[int, Entry],
        objects: Mapping[str, Any] | None = None,
    ) -> Delta:
        try:
            changes, is_final = self._changes(frame, entries)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            self._masks.forget()
            raise InputError(failure_sentence(error)) from None
        with self._project.lock:  # the worker may finish the masks only when the step is noted
            delta = self._project.change(label, {**(objects or {}), **changes})
            if not is_final:
                self._steps[frame] = [*self._steps[frame][-_MOST_STEPS:], delta.step]
        return delta

    def _changes(self, frame: int, entries: Mapping[int, Entry]) -> tuple[dict[str, Any], bool]:
        return self._prompts.changes(frame, entries, self._size(frame))

    def _on_top(self, entries: Mapping[int, Entry], object_id: int) -> dict[int, Entry]:
        locked = [n for n in entries if (self._object(n) or {}).get("locked")]
        order = moved_to_top(entries, object_id, locked)
        return {number: {**entry, "order": order[number]} for number, entry in entries.items()}

    def _new_entry(self, frame: int, object_id: int) -> Entry:
        return {"items": [], "base": self._prompts.base_of(frame, object_id)}

    def _check_object(self, frame: int, object_id: int) -> None:
        one = self._object(object_id)
        if one is None:
            raise InputError(f"there is no object {object_id!r}; add it first")
        if one.get("locked"):
            raise InputError(f"{one['name']} is locked; unlock it to change its masks")
        for first, last in self._project.get(f"removed/{object_id}") or []:
            if first <= frame <= last:
                raise InputError(
                    f"{one['name']} was deleted in frames {first} to {last}; undo that to mark it "
                    f"on frame {frame}"
                )

    def _object(self, object_id: int) -> dict[str, Any] | None:
        if type(object_id) is not int or object_id < 1:
            raise InputError(f"object {object_id!r}: expected an object's number, from 1")
        one: dict[str, Any] | None = self._project.get(f"objects/{object_id}")
        return one

    def _check_mask(self, digest: str, size: tuple[int, int]) -> None:
        shape = self._project.mask(digest).shape
        if shape != size:
            raise InputError(
                f"the mask is {shape[1]}x{shape[0]} pixels, the frame {size[1]}x{size[0]}"
            )

    def _size(self, frame: int) -> tuple[int, int]:
        height, width = self._image(frame).shape[:2]
        return height, width
