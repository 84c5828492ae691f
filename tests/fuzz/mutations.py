"""Good inputs made bad: strategies over bytes, and over the values of a JSON document."""

import json
import struct
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

_ODD = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
_VALUES = [None, True, 0, -1, 1, 255, 256, 2**31, 2**40, 0.5, 1e300, "", "a", "00000", [], {}, [[]],
           [0], {"a": 1}]  # fmt: skip
_MOST_CHANGES = 6
_KINDS = ("bit", "byte", "number", "cut", "double", "insert", "end", "splice")


@st.composite
def changed_bytes(draw: Callable[..., Any], seeds: list[bytes]) -> bytes:
    """Draw a seed with a few changes: bits, odd numbers, pieces cut, doubled, moved in, the end."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, _MOST_CHANGES))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(
            st.sampled_from(["bit", "byte", "number", "cut", "double", "insert", "end", "splice"])
        )
        if kind == "bit":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte":
            data[at] = draw(st.integers(0, 255))
        elif kind == "number":
            form = draw(st.sampled_from(["<I", ">I", "<H", ">H"]))
            odd = draw(st.sampled_from(_ODD)) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
            data[at : at + struct.calcsize(form)] = struct.pack(form, odd)
        elif kind == "cut":
            del data[at : at + draw(st.integers(1, 64))]
        elif kind == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 64))]
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=16))
        elif kind == "end":
            del data[at:]
        else:
            other = draw(st.sampled_from(seeds))
            data[at:] = other[draw(st.integers(0, len(other) - 1)) :]
    return bytes(data)


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of all values inside a document."""
    keys = node.keys() if isinstance(node, dict) else range(len(node)) if _is_list(node) else ()
    return [p for key in keys for p in ((*path, key), *_places(node[key], (*path, key)))]


def _is_list(node: Any) -> bool:
    return isinstance(node, list)


@st.composite
def changed_json(draw: Callable[..., Any], seeds: list[bytes]) -> bytes:
    """Draw a document with a few of its values replaced, left out or put in other places."""
    document = json.loads(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, _MOST_CHANGES))):
        places = _places(document)
        if not places:
            break
        *path, key = draw(st.sampled_from(places))
        parent = document
        for step in path:
            parent = parent[step]
        if draw(st.booleans()):
            parent[key] = deepcopy(draw(st.sampled_from([*_VALUES, parent[key], document])))
        else:
            del parent[key]
    return json.dumps(document).encode()


def inputs(seeds: list[bytes], *, is_json: bool) -> st.SearchStrategy[bytes]:
    """Return the inputs of a target."""
    if is_json:
        return st.one_of(changed_json(seeds), changed_json(seeds), changed_bytes(seeds))
    return changed_bytes(seeds)
