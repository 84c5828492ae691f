"""The state of a project as its journal's records give it, with undo and redo of every step.

A record is what a line of the journal holds:
    {"step": n, "label": text, "patch": {key: [old, new]}}   a change; step 0 is the start
    {"add": n, "patch": {key: [old, new]}}                   more of the change n
    {"undo": n}, {"redo": n}
None stands for a key that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from vos.app.project.entries import (
    Value,
    checked_entry,
    digests_of,
    objects_named,
    parsed_key,
)
from vos.errors import InputError

Patch = dict[str, list[Value]]
"""Key -> [old value, new value]."""
Record = dict[str, Any]
MAX_LABEL = 200


@dataclass(frozen=True)
class Delta:
    """What a change did."""

    revision: int
    changed: dict[str, Value]
    """Key -> new value, None where it is gone."""
    undo: str | None
    """Label of what undo would do, None if nothing."""
    redo: str | None
    """Label of what redo would do, None if nothing."""
    step: int
    """The step of the history that was made, added to, undone or redone."""


class State:
    """Flat keys and their values, those of a kind side by side."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, Value]] = {}

    def get(self, key: str) -> Value:
        """Return the value itself, not a copy; None if there is none."""
        return self._kinds.get(key.partition("/")[0], {}).get(key)

    def put(self, key: str, value: Value) -> None:
        """Set a value; None removes the key."""
        entries = self._kinds.setdefault(key.partition("/")[0], {})
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value

    def entries(self, prefix: str = "") -> Iterator[tuple[str, Value]]:
        """Give the keys that start so, with the values themselves."""
        kind, slash, _ = prefix.partition("/")
        kinds = (self._kinds.get(kind, {}),) if slash else self._kinds.values()
        for key, value in chain.from_iterable(entries.items() for entries in kinds):
            if key.startswith(prefix):
                yield key, value


@dataclass
class Step:
    """A change that can be undone: all that a user's action did, and what it led to later."""

    number: int
    label: str
    patch: Patch

    @property
    def removes_objects(self) -> bool:
        """Whether masks that come later may hold what the step takes away."""
        return any(
            key.startswith("removed/") or (key.startswith("objects/") and new is None)
            for key, (_, new) in self.patch.items()
        )


class History:
    """The state, the steps that led to it, and those that were undone."""

    def __init__(self) -> None:
        self.state = State()
        self.done: list[Step] = []
        """Steps that can be undone, the last one last."""
        self.undone: list[Step] = []
        """Steps that can be redone, the next one last."""
        self.last_number = -1
        self.records = 0
        self.frames: set[int] = set()
        """Frames that the state spoke of at any time."""

    def digests(self) -> set[str]:
        """Return the digests of all masks that the state names, or that undo or redo leads to."""
        found = {d for key, value in self.state.entries() for d in digests_of(key, value)}
        for step in chain(self.done, self.undone):
            for key, values in step.patch.items():
                found.update(d for value in values for d in digests_of(key, value))
        return found

    def step_record(self, label: str, changes: Mapping[str, Value]) -> Record:
        """Return the record of a new step; what changes nothing is left out of its patch.

        Raises:
            InputError: a key or value is none of a state, or speaks of an object that is not there.
        """
        patch = self._patch(changes)
        self._check_objects(patch)
        return {"step": self.last_number + 1, "label": label[:MAX_LABEL], "patch": patch}

    def addition_record(self, number: int, changes: Mapping[str, Value]) -> Record | None:
        """Return the record of more changes of a step.

        Returns:
            None if the step is not done, a later one changed a key of them, or one speaks of an
            object that is not there any more.

        Raises:
            InputError: a key or value is none of a state.
        """
        patch = self._patch(changes)
        if not self._can_add(number, patch):
            return None
        try:
            self._check_objects(patch)
        except InputError:
            return None
        return {"add": number, "patch": patch}

    def undo_record(self) -> Record:
        """Return the record of undoing the last step.

        Raises:
            InputError: there is none.
        """
        if not self.done:
            raise InputError("there is nothing to undo")
        return {"undo": self.done[-1].number}

    def redo_record(self) -> Record:
        """Return the record of redoing the step that was undone last.

        Raises:
            InputError: there is none.
        """
        if not self.undone:
            raise InputError("there is nothing to redo")
        return {"redo": self.undone[-1].number}

    def changes_of(self, record: Record) -> dict[str, Value]:
        """Return what a record that fits makes of each key, None where it removes it."""
        if "patch" in record:
            return {key: new for key, (_, new) in record["patch"].items()}
        if "undo" in record:
            return {key: old for key, (old, _) in self.done[-1].patch.items()}
        return {key: new for key, (_, new) in self.undone[-1].patch.items()}

    def apply(self, record: Record) -> None:
        """Apply a record that this history made."""
        changes = self.changes_of(record)
        match record:
            case {"step": number, "label": label, "patch": patch}:
                self.last_number = number
                self.undone.clear()
                if number:
                    self.done.append(Step(number, label, dict(patch)))
            case {"add": number, "patch": patch}:
                step = next(s for s in reversed(self.done) if s.number == number)
                for key, (old, new) in patch.items():
                    step.patch[key] = [step.patch.get(key, [old])[0], new]
                self._cut_redo()
            case {"undo": _}:
                self.undone.append(self.done.pop())
            case {"redo": _}:
                step = self.undone.pop()  # masks may have been added since to a step before it
                step.patch = {k: [self.state.get(k), new] for k, (_, new) in step.patch.items()}
                self.done.append(step)
        self.records += 1
        for key, value in changes.items():
            kind, numbers = parsed_key(key)
            if kind in ("frames", "prompts"):
                self.frames.add(numbers[0])
            self.state.put(key, value)

    def replay(self, record: object) -> None:
        """Check a record that was read from a journal, and apply it.

        Raises:
            InputError: it does not follow from those before it.
        """
        match record:
            case {"step": int(number), "label": str(label), "patch": dict(patch), **rest}:
                fits = number == self.last_number + 1 and len(label) <= MAX_LABEL and not rest
            case {"add": int(number), "patch": dict(patch), **rest}:
                fits = self._can_add(number, patch) and not rest
            case {"undo": int(number), **rest}:
                fits = bool(self.done) and self.done[-1].number == number and not rest
            case {"redo": int(number), **rest}:
                fits = bool(self.undone) and self.undone[-1].number == number and not rest
            case _:
                raise InputError("it is no record of a change")
        assert isinstance(record, dict)
        if not fits or isinstance(number, bool):
            raise InputError("it does not follow from the lines before it")
        if "patch" in record:
            record = {**record, "patch": self._checked_patch(record["patch"])}
        self.apply(record)

    def _checked_patch(self, patch: Mapping[str, Any]) -> Patch:
        checked: Patch = {}
        for key, pair in patch.items():
            if not isinstance(pair, list) or len(pair) != 2:
                raise InputError(f"{key}: expected the old and the new value")
            old, new = (None if value is None else checked_entry(key, value) for value in pair)
            parsed_key(key)
            if old != self.state.get(key):
                raise InputError(f"{key}: its old value is not what the lines before it give")
            checked[key] = [old, new]
        return checked

    def _patch(self, changes: Mapping[str, Value]) -> Patch:
        patch: Patch = {}
        for key, value in changes.items():
            parsed_key(key)
            new, old = None if value is None else checked_entry(key, value), self.state.get(key)
            if new != old:
                patch[key] = [old, new]
        return patch

    def _can_add(self, number: int, keys: Iterable[str]) -> bool:
        keys = set(keys)
        for step in reversed(self.done):
            if step.number == number:
                return True
            if not keys.isdisjoint(step.patch):
                return False
        return False

    def _cut_redo(self) -> None:
        """Drop undone steps that would leave something of an object in masks that came since."""
        for place in reversed(range(len(self.undone))):
            if self.undone[place].removes_objects:
                del self.undone[: place + 1]
                return

    def _check_objects(self, patch: Patch) -> None:
        """Refuse entries that speak of an object that is not there after the change.

        Raises:
            InputError: there is one.
        """
        gone = {key.partition("/")[2] for key, (_, new) in patch.items()
                if key.startswith("objects/") and new is None}  # fmt: skip
        for key, (_, new) in patch.items():
            if new is None:
                continue
            for object_id in objects_named(*parsed_key(key), new):
                key_of_object = f"objects/{object_id}"
                is_there = key_of_object in patch or self.state.get(key_of_object) is not None
                if object_id in gone or not is_there:
                    raise InputError(f"{key}: there is no object {object_id}")
