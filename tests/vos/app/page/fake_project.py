"""A project in memory: the states and masks that the page's fake server answers with."""

from __future__ import annotations

import hashlib
from typing import Any

import cv2
import numpy as np

COLORS = [[230, 60, 60], [60, 160, 230], [240, 180, 40], [90, 190, 90]]
RADIUS = 26


class ActionError(Exception):
    """What the page shows as a sentence."""


def digest_of(ids: np.ndarray) -> str:
    return hashlib.sha256(ids.tobytes() + str(ids.shape).encode()).hexdigest()[:32]


def draw_item(mask: np.ndarray, item: dict[str, Any]) -> None:
    """Make a simple mask of an item: a disc for a click, what is drawn for the rest."""
    match item["type"]:
        case "click":
            radius = RADIUS if item["positive"] else RADIUS // 2
            cv2.circle(mask, (item["x"], item["y"]), radius, int(item["positive"]), -1)
        case "box":
            center = ((item["left"] + item["right"]) // 2, (item["top"] + item["bottom"]) // 2)
            axes = ((item["right"] - item["left"]) // 2, (item["bottom"] - item["top"]) // 2)
            cv2.ellipse(mask, center, axes, 0, 0, 360, 1, -1)
        case "stroke":
            points = np.array(item["points"], np.int32).reshape(-1, 1, 2)
            width = max(1, round(2 * item["radius"]))
            cv2.polylines(mask, [points], False, int(item["positive"]), width)
        case "polygon":
            cv2.fillPoly(mask, [np.array(item["points"], np.int32)], int(item["positive"]))


class FakeProject:
    """Flat keys with undo and redo, as the real project has them."""

    def __init__(self, height: int, width: int) -> None:
        self.size = (height, width)
        self.state: dict[str, Any] = {"settings": {"mode": "adaptive", "direction": "both"}}
        self.revision = 0
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.undone: list[tuple[str, dict[str, Any]]] = []
        self.masks: dict[str, np.ndarray] = {}
        self.stale: list[list[int]] = []

    def put_mask(self, ids: np.ndarray) -> str:
        digest = digest_of(ids)
        self.masks[digest] = ids
        return digest

    def write(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Set keys; give those that were there before."""
        before = {key: self.state.get(key) for key in changes}
        for key, value in changes.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        self.revision += 1
        return before

    def change(self, label: str, changes: dict[str, Any], *, join: bool = False) -> dict[str, Any]:
        """Make a step of history, or more of the last one; give what the page is sent."""
        before = self.write(changes)
        if join and self.done:
            self.done[-1] = (self.done[-1][0], before | self.done[-1][1])
        else:
            self.done.append((label, before))
        self.undone.clear()
        return self.delta(changes)

    def step(self, source: list, target: list) -> dict[str, Any]:
        if not source:
            raise ActionError("There is nothing to undo or redo.")
        label, changes = source.pop()
        target.append((label, self.write(changes)))
        return self.delta(changes)

    def delta(self, changed: dict[str, Any]) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "changed": changed,
            "undo": self.done[-1][0] if self.done else None,
            "redo": self.undone[-1][0] if self.undone else None,
            "stale": self.stale,
        }

    def perform(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Do an action; give the delta and its result."""
        name = action["action"]
        if name == "undo":
            return self.step(self.done, self.undone), {}
        if name == "redo":
            return self.step(self.undone, self.done), {}
        changes, result = getattr(self, f"do_{name}")(action)
        return self.change(name.replace("_", " "), changes), result

    def do_add_object(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        number = next(n for n in range(1, 255) if f"objects/{n}" not in self.state)
        color = action.get("color") or COLORS[(number - 1) % len(COLORS)]
        name = action.get("name") or f"object {number}"
        value = {"name": name, "color": color, "hidden": False, "locked": False}
        return {f"objects/{number}": value}, {"object": number}

    def do_edit_object(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        key = f"objects/{action['object']}"
        edits = {k: v for k, v in action.items() if k not in ("action", "object")}
        return {key: self.state[key] | edits}, {}

    def do_delete_object(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        number = action["object"]
        changes: dict[str, Any] = {f"objects/{number}": None}
        for key in self.state:
            if key.startswith("prompts/") and key.endswith(f"/{number}"):
                changes[key] = None
        return changes | self.without(number), {}

    def do_delete_range(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        key = f"removed/{action['object']}"
        if action["last"] < action["first"]:
            raise ActionError("The first frame lies behind the last one.")
        return {key: [*self.state.get(key, []), [action["first"], action["last"]]]}, {}

    def do_merge_objects(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        source, target = action["from"], action["into"]
        changes: dict[str, Any] = {f"objects/{source}": None}
        for key, value in self.state.items():
            if key.startswith("frames/"):
                ids = self.masks[value["mask"]].copy()
                ids[ids == source] = target
                changes[key] = self.frame_entry(ids, value["origin"], 0.9)
        return changes, {}

    def do_set_checked(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        frames = range(action["first"], action["last"] + 1)
        return {f"checked/{n}": True if action["checked"] else None for n in frames}, {}

    def do_set_settings(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        edits = {k: v for k, v in action.items() if k != "action"}
        return {"settings": self.state["settings"] | edits}, {}

    def do_add_item(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        frame, number = action["frame"], action["object"]
        prompt = self.state.get(f"prompts/{frame}/{number}", {"items": []})
        return self.with_items(frame, number, [*prompt["items"], action["item"]]), {}

    def do_remove_item(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        frame, number = action["frame"], action["object"]
        items = list(self.state[f"prompts/{frame}/{number}"]["items"])
        items.pop(action["index"])
        return self.with_items(frame, number, items), {}

    def do_clear_prompt(self, action: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.with_items(action["frame"], action["object"], []), {}

    def with_items(self, frame: int, number: int, items: list[dict[str, Any]]) -> dict[str, Any]:
        """The keys that new items of a prompt set: the prompt and the frame's mask."""
        mask = np.zeros(self.size, np.uint8)
        for item in items:
            draw_item(mask, item)
        entry = self.state.get(f"frames/{frame}")
        ids = self.masks[entry["mask"]].copy() if entry else np.zeros(self.size, np.uint8)
        ids[ids == number] = 0
        ids[mask > 0] = number
        prompt = {"items": items, "base": None, "mask": self.put_mask(mask)} if items else None
        frame_value = self.frame_entry(ids, "prompt", 1.0) if ids.any() else None
        self.stale = [[0, 59]]
        return {f"prompts/{frame}/{number}": prompt, f"frames/{frame}": frame_value}

    def without(self, number: int) -> dict[str, Any]:
        changes = {}
        for key, value in self.state.items():
            if key.startswith("frames/"):
                ids = self.masks[value["mask"]].copy()
                ids[ids == number] = 0
                changes[key] = self.frame_entry(ids, value["origin"], 0.9) if ids.any() else None
        return changes

    def frame_entry(self, ids: np.ndarray, origin: str, confidence: float) -> dict[str, Any]:
        numbers = [int(n) for n in np.unique(ids) if n]
        return {
            "mask": self.put_mask(ids),
            "areas": {str(n): int((ids == n).sum()) for n in numbers},
            "confidence": {str(n): confidence for n in numbers},
            "origin": origin,
            "key": None,
        }
