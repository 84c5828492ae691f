"""What a user does to a project that needs no computing: each action is one step for undo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vos.app.project.entries import Value, check_frame, check_object_id
from vos.app.project.object_edits import deleted_object, deleted_range, merged_objects
from vos.app.project.project import Delta, Project
from vos.errors import InputError
from vos.masks.ids import MAX_ID
from vos.masks.palette import screen_color

Action = Mapping[str, Any]
Outcome = tuple[Delta, dict[str, Any]]
_MOST_CHECKED = 1_000_000


def perform(project: Project, action: Action) -> Outcome:
    """Do an action.

    Args:
        project: it is changed.
        action: {"action": name} and its fields, plain values of JSON:
            add_object {name?, color?}, edit_object {object, name?, color?, hidden?, locked?},
            delete_object {object}, delete_range {object, first, last},
            merge_objects {from, into}, set_checked {first, last, checked},
            set_settings {mode?, direction?}, undo {}, redo {}.

    Returns:
        What changed, and what the action results in: of add_object, {"object": id}.

    Raises:
        InputError: the action or a field is none, or an object is not there.
        OSError: it cannot be written; then nothing is changed.
    """
    name = action.get("action")
    known = _ACTIONS.get(name) if isinstance(name, str) else None
    if known is None:
        raise InputError(f"action {str(name)[:40]!r}: expected {', '.join(_ACTIONS)}")
    required, optional, do = known
    given = set(action) - {"action"}
    if not required <= given <= required | optional:
        names = ", ".join([*sorted(required), *(f"{n} (optional)" for n in sorted(optional))])
        raise InputError(f"{name}: expected the fields {names or 'of no name'}")
    return do(project, action)


def is_action(name: object) -> bool:
    """Say whether `perform` knows an action of that name."""
    return isinstance(name, str) and name in _ACTIONS


def _add_object(project: Project, action: Action) -> Outcome:
    with project.lock:
        taken = project.items("objects/")
        number = next((n for n in range(1, MAX_ID + 1) if f"objects/{n}" not in taken), None)
        if number is None:
            raise InputError(f"there are {MAX_ID} objects already, the most that a mask can hold")
        name = action.get("name", f"Object {number}")
        color = action.get("color", list(screen_color(number)))
        value = {"name": name, "color": color, "hidden": False, "locked": False}
        delta = project.change(f"Add {name}", {f"objects/{number}": value})
    return delta, {"object": number}


def _edit_object(project: Project, action: Action) -> Outcome:
    with project.lock:
        number, value = _object(project, action["object"])
        fields = {key: action[key] for key in action if key not in ("action", "object")}
        return _changed(project, f"Edit {value['name']}", {f"objects/{number}": value | fields})


def _delete_object(project: Project, action: Action) -> Outcome:
    number, value = _object(project, action["object"])
    return deleted_object(project, number, f"Delete {value['name']}"), {}


def _delete_range(project: Project, action: Action) -> Outcome:
    number, value = _object(project, action["object"])
    first, last = _range(action)
    label = f"Delete {value['name']} in frames {first} to {last}"
    return deleted_range(project, number, first, last, label), {}


def _merge_objects(project: Project, action: Action) -> Outcome:
    (source, old), (target, new) = (_object(project, action[name]) for name in ("from", "into"))
    if source == target:
        raise InputError(f"object {source} cannot be merged into itself; give another one")
    label = f"Merge {old['name']} into {new['name']}"
    return merged_objects(project, source, target, label), {}


def _set_checked(project: Project, action: Action) -> Outcome:
    first, last = _range(action)
    checked = action["checked"]
    if type(checked) is not bool:
        raise InputError(f"checked {str(checked)[:40]!r}: expected true or false")
    frames = f"frame {first}" if first == last else f"frames {first} to {last}"
    with project.lock:
        if checked:
            if last - first >= _MOST_CHECKED:
                raise InputError(f"{frames}: at most {_MOST_CHECKED} can be checked at once")
            changes: dict[str, Value] = {f"checked/{n}": True for n in range(first, last + 1)}
        else:
            keys = project.items("checked/")
            changes = {key: None for key in keys if first <= int(key.partition("/")[2]) <= last}
        return _changed(project, f"{'Check' if checked else 'Uncheck'} {frames}", changes)


def _set_settings(project: Project, action: Action) -> Outcome:
    with project.lock:
        fields = {key: value for key, value in action.items() if key != "action"}
        return _changed(project, "Settings", {"settings": project.get("settings") | fields})


def _changed(project: Project, label: str, changes: Mapping[str, Value]) -> Outcome:
    """Make a change, or no step where all is so already."""
    if all(project.get(key) == value for key, value in changes.items()):
        return project.no_change(), {}
    return project.change(label, changes), {}


def _object(project: Project, number: object) -> tuple[int, dict[str, Any]]:
    """Return an object's id and its entry.

    Raises:
        InputError: there is none.
    """
    object_id = check_object_id(number)
    value = project.get(f"objects/{object_id}")
    if value is None:
        raise InputError(f"there is no object {object_id}")
    return object_id, value


def _range(action: Action) -> tuple[int, int]:
    first, last = check_frame(action["first"]), check_frame(action["last"])
    if last < first:
        raise InputError(f"the last frame {last} lies before the first one {first}")
    return first, last


_ACTIONS: dict[str, tuple[set[str], set[str], Callable[[Project, Action], Outcome]]] = {
    "add_object": (set(), {"name", "color"}, _add_object),
    "edit_object": ({"object"}, {"name", "color", "hidden", "locked"}, _edit_object),
    "delete_object": ({"object"}, set(), _delete_object),
    "delete_range": ({"object", "first", "last"}, set(), _delete_range),
    "merge_objects": ({"from", "into"}, set(), _merge_objects),
    "set_checked": ({"first", "last", "checked"}, set(), _set_checked),
    "set_settings": (set(), {"mode", "direction"}, _set_settings),
    "undo": (set(), set(), lambda project, _: (project.undo(), {})),
    "redo": (set(), set(), lambda project, _: (project.redo(), {})),
}
