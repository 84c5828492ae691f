"""The prompts of one frame as changes of a project's state: masks that share no pixel.

The masks are those of the items, one over the other in the order in which objects were last drawn
on. What lies under them is kept, so that a mask that shrinks uncovers it, and the result does not
depend on what was there in between.

Shapes: H W pixels of the frame.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.app.engine.prompting.object_masks import ObjectMasks
from vos.app.project.project import Project

Entry = dict[str, Any]
_OF_PROMPTS = ("under", "composed", "provisional")
"""What an entry of a frame has only with prompts on it."""


def areas_of(ids: NDArray[np.uint8]) -> dict[str, int]:
    """Return the pixels of each object in a mask (H, W), by its id as text."""
    counts = np.bincount(ids.ravel(), minlength=256)
    return {str(i): int(counts[i]) for i in np.flatnonzero(counts[:255]) if i}


def moved_to_top(
    entries: Mapping[int, Entry], object_id: int, locked: Collection[int]
) -> dict[int, int]:
    """Return the order of a frame's prompts after an object was drawn on.

    It lies over all others but the locked ones, whose pixels are not taken.
    """

    def place(number: int) -> tuple[bool, bool, int, int]:
        above = number in locked and number != object_id
        return above, number == object_id, entries[number].get("order", 0), number

    return {number: order for order, number in enumerate(sorted(entries, key=place), start=1)}


class FramePrompts:
    """Makes the changes of a frame's prompts and of its mask.

    Args:
        project: whose they are.
        masks: makes the masks of objects.
    """

    def __init__(self, project: Project, masks: ObjectMasks) -> None:
        self._project = project
        self._masks = masks

    def entries(self, frame: int) -> dict[int, Entry]:
        """Return the prompts of a frame by object."""
        prompts = self._project.items(f"prompts/{frame}/")
        return {int(key.rpartition("/")[2]): entry for key, entry in prompts.items()}

    def under(self, frame: int) -> Entry | None:
        """Return what a frame had without the prompts on it; None if nothing."""
        entry: Entry | None = self._project.get(f"frames/{frame}")
        if entry is None or "under" not in entry or entry["mask"] != entry["composed"]:
            if entry is not None:  # written by something else since: prompts lie over that now
                entry = {k: v for k, v in entry.items() if k not in _OF_PROMPTS}
            return entry
        under: Entry | None = entry["under"]
        return under

    def base_of(self, frame: int, object_id: int) -> str | None:
        """Return the mask that the first item of an object corrects, as a digest."""
        under = self.under(frame)
        if under is None or not under.get("areas", {}).get(str(object_id)):
            return None
        mask = self._project.mask(under["mask"]) == object_id
        return self._project.put_mask(mask.astype(np.uint8))

    def changes(
        self,
        frame: int,
        entries: Mapping[int, Entry],
        size: tuple[int, int],
    ) -> tuple[dict[str, Any], bool]:
        """Return the changes that give a frame these prompts, and whether all masks are final.

        Args:
            frame: number of the frame.
            entries: the prompts by object, without those that are cleared.
            size: H and W of the frame.

        Raises:
            InputError: the frame or a mask cannot be read.
        """
        before = self.entries(frame)
        changes: dict[str, Any] = {
            f"prompts/{frame}/{number}": None for number in before if number not in entries
        }
        under = self._under_without(frame, {n: before[n] for n in before if n not in entries}, size)
        if not entries:
            return {**changes, f"frames/{frame}": under}, True
        owner, is_final = self._owners(frame, entries, size)
        ids = self._ids(under, size)
        objects = self._objects()
        locked = [n for n, one in objects.items() if one.get("locked") and n not in entries]
        owner[np.isin(ids, locked)] = 0
        ids[np.isin(ids, list(entries))] = 0
        ids = np.where(owner > 0, owner, ids)
        for number, entry in entries.items():
            digest = self._project.put_mask((owner == number).astype(np.uint8))
            changes[f"prompts/{frame}/{number}"] = {**entry, "mask": digest}
        changes[f"frames/{frame}"] = self._frame_entry(ids, under, entries, final=is_final)
        return changes, is_final

    def _owners(
        self, frame: int, entries: Mapping[int, Entry], size: tuple[int, int]
    ) -> tuple[NDArray[np.uint8], bool]:
        """Return the prompted object that has each pixel (H, W), 0 for none."""
        owner = np.zeros(size, np.uint8)
        is_final = True
        for number in sorted(entries, key=lambda n: (entries[n].get("order", 0), n)):
            entry = entries[number]
            mask, final = self._masks.mask(frame, entry["items"], entry.get("base"))
            owner[mask] = number
            is_final &= final
        return owner, is_final

    def _frame_entry(
        self,
        ids: NDArray[np.uint8],
        under: Entry | None,
        entries: Mapping[int, Entry],
        *,
        final: bool,
    ) -> Entry:
        areas = areas_of(ids)
        sure = {} if under is None else under.get("confidence", {})
        confidence = {n: sure[n] for n in areas if n in sure}
        confidence |= {str(n): 1.0 for n in sorted(entries) if str(n) in areas}
        digest = self._project.put_mask(ids)
        entry = {"mask": digest, "areas": areas, "confidence": confidence, "origin": "prompt",
                 "key": None, "under": under, "composed": digest}  # fmt: skip
        return entry if final else {**entry, "provisional": True}

    def _under_without(
        self, frame: int, cleared: Mapping[int, Entry], size: tuple[int, int]
    ) -> Entry | None:
        """Return what lies under a frame's prompts; cleared objects are there as they were."""
        under = self.under(frame)
        if under is None:
            return None
        objects = self._objects()
        ids = self._ids(under, size)
        for number, entry in cleared.items():
            ids[ids == number] = 0
            if entry.get("base") is not None:
                ids[(self._project.mask(entry["base"]) > 0) & (ids == 0)] = number
        if np.array_equal(ids, self._project.mask(under["mask"])):
            return under
        areas = areas_of(ids)
        sure = under.get("confidence", {})
        return {
            "mask": self._project.put_mask(ids),
            "areas": areas,
            "confidence": {n: sure[n] for n in areas if n in sure and int(n) in objects},
            "origin": "edit",
            "key": None,
        }

    def _ids(self, under: Entry | None, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return the mask (H, W) of what lies under, of the objects that there are."""
        if under is None:
            return np.zeros(size, np.uint8)
        ids = self._project.mask(under["mask"]).copy()
        ids[~np.isin(ids, list(self._objects()))] = 0
        return ids

    def _objects(self) -> dict[int, Entry]:
        return {
            int(key.partition("/")[2]): one for key, one in self._project.items("objects/").items()
        }
